// A value of an item's, to be read.
import { html } from "./vendor/htm-preact.js";
import { isNumber, isObject, stringify } from "./json.js";
import { dateText, dateTimeText, visibleText } from "./text.js";
import { Icon, LongText, Text } from "./ui.js";
import { localNumber } from "./words.js";

const CELL_LENGTH = 120; // characters of a text in a table
const STRUCTURE_LENGTH = 48; // and of an object or array
const SHORT_LENGTH = 28; // characters that stay on one line there

/** A value in a table: one line of it. */
export function Cell({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">–</span>`;
  if (typeof value === "string") return html`<${StringValue} value=${value} schema=${schema} limit=${CELL_LENGTH} />`;
  if (isStringArray(value)) return html`<${Text} value=${value.join(", ")} limit=${CELL_LENGTH} />`;
  if (typeof value === "boolean" || isNumber(value)) return html`<${Value} value=${value} schema=${schema} />`;
  return html`<code class="muted"><${Text} value=${stringify(value)} limit=${STRUCTURE_LENGTH} /></code>`;
}

/** A value, whole; a long text at first in part. */
export function Value({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">not set</span>`;
  if (typeof value === "boolean") {
    return value ? html`<span class="flag on"><${Icon} name="check" />Yes</span>` : html`<span class="flag">No</span>`;
  }
  if (isNumber(value)) return html`<span class="number">${localNumber(value)}</span>`;
  if (typeof value === "string") return html`<${StringValue} value=${value} schema=${schema} />`;
  if (isStringArray(value)) return value.map((element) => html`<span class="badge"><${LongText} value=${element} /></span>`);
  if (Array.isArray(value) || isObject(value)) return html`<pre class="code"><${LongText} value=${stringify(value, 2)} /></pre>`;
  return html`<span class="muted">null</span>`;
}

/** A value as plain text. */
export function plainText(value) {
  return typeof value === "string" ? visibleText(value) || "(empty)" : visibleText(stringify(value));
}

function isStringArray(value) {
  return Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string");
}

function StringValue({ value, schema, limit }) {
  if (schema.format === "date-time") return html`<time datetime=${value} title=${value}>${dateTimeText(value)}</time>`;
  if (schema.format === "date") return html`<time datetime=${value}>${dateText(value)}</time>`;
  if (schema.enum) return html`<span class="badge"><${Text} value=${value} limit=${limit} /></span>`;
  if (schema.format === "uri" && isWebAddress(value)) {
    return html`<a href=${value} target="_blank" rel="noopener noreferrer"><${Text} value=${value} limit=${limit} /></a>`;
  }
  if (value === "") return limit ? "" : html`<span class="muted">empty</span>`;
  if (!limit) return html`<${LongText} value=${value} />`;
  return html`<span class=${value.length <= SHORT_LENGTH ? "short" : ""}><${Text} value=${value} limit=${limit} /></span>`;
}

// Other links, such as javascript:, could run what an item says.
function isWebAddress(text) {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}
