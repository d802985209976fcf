// A value of an item's, to be read.
import { html } from "./vendor/htm-preact.js";
import { isNumber, isObject, numberText, stringify } from "./json.js";
import { day, moment, visible } from "./text.js";
import { Icon, LongText, Text } from "./ui.js";

const CELL = 120; // characters of a text in a table
const STRUCTURE = 48; // and of an object or array
const SHORT = 28; // characters that stay on one line there

/** A value in a table: one line of it. */
export function Cell({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">–</span>`;
  if (typeof value === "string") return html`<${Words} value=${value} schema=${schema} limit=${CELL} />`;
  if (isTexts(value)) return html`<${Text} value=${value.join(", ")} limit=${CELL} />`;
  if (typeof value === "boolean" || isNumber(value)) return html`<${Value} value=${value} schema=${schema} />`;
  return html`<code class="muted"><${Text} value=${stringify(value)} limit=${STRUCTURE} /></code>`;
}

/** A value, whole; a long text at first in part. */
export function Value({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">not set</span>`;
  if (typeof value === "boolean") {
    return value ? html`<span class="flag on"><${Icon} name="check" />Yes</span>` : html`<span class="flag">No</span>`;
  }
  if (isNumber(value)) return html`<span class="number">${numberText(value)}</span>`;
  if (typeof value === "string") return html`<${Words} value=${value} schema=${schema} />`;
  if (isTexts(value)) return value.map((element) => html`<span class="badge"><${LongText} value=${element} /></span>`);
  if (Array.isArray(value) || isObject(value)) return html`<pre class="code"><${LongText} value=${stringify(value, 2)} /></pre>`;
  return html`<span class="muted">null</span>`;
}

/** A value where there can be nothing but plain text, such as in an option. */
export function plain(value) {
  return typeof value === "string" ? visible(value) || "(empty)" : visible(stringify(value));
}

function isTexts(value) {
  return Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string");
}

function Words({ value, schema, limit }) {
  if (schema.format === "date-time") return html`<time datetime=${value} title=${value}>${moment(value)}</time>`;
  if (schema.format === "date") return html`<time datetime=${value}>${day(value)}</time>`;
  if (schema.enum) return html`<span class="badge"><${Text} value=${value} limit=${limit} /></span>`;
  if (schema.format === "uri" && isWebAddress(value)) {
    return html`<a href=${value} target="_blank" rel="noopener noreferrer"><${Text} value=${value} limit=${limit} /></a>`;
  }
  if (value === "") return limit ? "" : html`<span class="muted">empty</span>`;
  if (!limit) return html`<${LongText} value=${value} />`;
  return html`<span class=${value.length <= SHORT ? "short" : ""}><${Text} value=${value} limit=${limit} /></span>`;
}

// Nothing but the web: a link of any other kind, javascript: among them, could run what an item says.
function isWebAddress(text) {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}
