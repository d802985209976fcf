// A form from a JSON Schema. A field hands its new value up, undefined for none; what is typed and is no value yet is
// an Unreadable, which `validate` tells as a fault.
import { createContext, html, useContext, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isNumber, isObject, number, numberText, own, parse, same, stringify, without } from "./json.js";
import { cut, labelOf, pieces } from "./text.js";
import { Field, Hint, Icon, Text, describe } from "./ui.js";
import { FORMATS, Unreadable, pointer, validate } from "./validate.js";
import { plain } from "./value.js";

const PAUSE = 600; // ms without a key, after which what was typed is judged
const LINE = 200; // characters that fit into one line
const MOST_FIELDS = 300;

// {faultsAt(pointer): sentences to show, touch(pointer): from now on they may be shown}
const Judge = createContext(null);

/** The fields of an object. faultsAt, touch: as above. onChange takes a value, or a function from the old one to the new. */
export function Form({ schema, value, onChange, faultsAt, touch }) {
  return html`<${Judge.Provider} value=${{ faultsAt, touch }}>
    <${Members} schema=${schema} value=${value} where="" onChange=${onChange} />
  <//>`;
}

/** What a form begins with: the schema's defaults, and the objects that there must be. */
export function beginning(schema) {
  const { properties = {}, required = [] } = schema;
  const entries = Object.entries(properties).map(([name, rule]) => {
    if (rule.default !== undefined) return [name, rule.default];
    return [name, required.includes(name) && rule.type === "object" ? beginning(rule) : undefined];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Whether a form has room for a value: with more fields than it bears, a page stands still. */
export function hasRoom(schema, value) {
  return fieldsOf({ ...schema, type: "object" }, value) <= MOST_FIELDS;
}

// What has no schema of its own has one field, however much it holds.
function fieldsOf(schema, value) {
  const { type, properties = {}, items = {}, additionalProperties } = schema;
  const others = isObject(additionalProperties) ? additionalProperties : {};
  const parts = (rules) => rules.reduce((sum, [rule, part]) => sum + fieldsOf(rule, part), 0);
  if (type === "object" && isObject(value)) return parts(Object.entries(value).map(([name, part]) => [own(properties, name) ?? others, part]));
  if (type === "array" && Array.isArray(value)) return parts(value.map((part) => [items, part]));
  return 1;
}

/** The id of the element by which the value at a pointer is changed. */
export function idAt(where) {
  return `at${encodeURIComponent(where.toWellFormed())}`;
}

/** A pointer in words: "/address/lines/0" as "Address, Lines, 1". */
export function nameOf(where) {
  const names = where.slice(1).split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.map((name) => (/^\d+$/.test(name) ? String(Number(name) + 1) : labelOf(name))).join(", ");
}

/** The names of the properties that a form shows: what an item is called first, what it must have, texts, structures last. */
export function ordered(schema) {
  const { properties = {}, required = [] } = schema;
  const rank = (name) => {
    const { type } = properties[name];
    if (/^(title|name)$/i.test(name)) return 0;
    if (["array", "object", undefined].includes(type)) return 4;
    if (required.includes(name)) return 1;
    return type === "string" ? 2 : 3;
  };
  return Object.keys(properties).sort((one, other) => rank(one) - rank(other) || required.indexOf(one) - required.indexOf(other));
}

function Members({ schema, value, where, onChange }) {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const others = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  const change = (name) => (member) => {
    onChange((whole) => {
      const next = typeof member === "function" ? member(own(whole, name)) : member;
      return next === undefined ? without(whole, name) : { ...whole, [name]: next };
    });
  };
  return html`
    ${ordered(schema).map(
      (name) => html`<${Property} key=${name} label=${labelOf(name)} schema=${properties[name]} value=${own(value, name)}
        where=${pointer(where, name)} required=${required.includes(name)} onChange=${change(name)} />`,
    )}
    ${others.map(
      (name) => html`<${Property} key=${`+${name}`} label=${html`<${Text} value=${name} limit=${80} />`} name=${name} stays removable
        schema=${isObject(additionalProperties) ? additionalProperties : {}} value=${own(value, name)}
        where=${pointer(where, name)} onChange=${change(name)} />`,
    )}
    ${additionalProperties !== false && html`<${NewProperty} where=${where} taken=${[...Object.keys(properties), ...others]}
      onAdd=${(name) => change(name)(emptyOf(additionalProperties))} />`}
  `;
}

function emptyOf(schema) {
  return { array: [], object: {}, boolean: false, number: 0, integer: 0 }[schema.type] ?? "";
}

function NewProperty({ where, taken, onAdd }) {
  const [name, setName] = useState(null);
  const input = useRef(null);
  useLayoutEffect(() => input.current?.focus(), [name === null]);
  const id = `${idAt(where)}+`;
  if (name === null) {
    return html`<button type="button" class="link add" onClick=${() => setName("")}><${Icon} name="plus" />Add a property</button>`;
  }
  const faults = taken.includes(name) ? ["There is a property of this name"] : [];
  const add = () => {
    if (!name || faults.length) return;
    onAdd(name);
    setName(null);
  };
  const onKeyDown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // which would send the form
    add();
  };
  return html`<${Field} id=${id} label="Name of the new property" faults=${faults}>
    <div class="with-button">
      <input ...${describe(id, "", faults)} ref=${input} value=${name} spellcheck=${false} onKeyDown=${onKeyDown}
        onInput=${(event) => setName(event.target.value)} />
      <button type="button" class="button" onClick=${add}>Add</button>
    </div>
  <//>`;
}

// The editor of a value: by its schema, unless the value is of another kind.
function editorOf(schema, value) {
  const is = (test) => value === undefined || value instanceof Unreadable || test(value);
  if (schema.enum) return is((given) => schema.enum.some((one) => same(one, given))) ? OneOf : Anything;
  switch (schema.type) {
    case "boolean":
      return is((given) => typeof given === "boolean") ? YesOrNo : Anything;
    case "integer":
    case "number":
      return is(isNumber) ? Figure : Anything;
    case "string":
      return is((given) => typeof given === "string") ? Words : Anything;
    case "array":
      return value === undefined || Array.isArray(value) ? List : Anything;
    case "object":
      return value === undefined || isObject(value) ? Group : Anything;
    default:
      return Anything;
  }
}

// stays: it is there, even when it is empty, until someone removes it.
function Property(props) {
  const { schema, value, where, onChange, stays, removable } = props;
  const { faultsAt, touch } = useContext(Judge);
  const pause = useRef(0);
  useEffect(() => () => clearTimeout(pause.current), []);
  const change = (next) => {
    clearTimeout(pause.current);
    pause.current = setTimeout(() => touch(where), PAUSE);
    onChange(stays && next === undefined ? new Unreadable("", "Is empty: fill it in, or remove it") : next);
  };
  const Editor = editorOf(schema, value);
  const given = { ...props, faults: faultsAt(where), hint: schema.description, onChange: change };
  const leave = () => {
    if (value !== undefined) touch(where);
  };
  return html`<div class=${`property${removable ? " removable" : ""}`} onFocusOut=${leave}>
    <${Editor} ...${given} />
    ${removable && html`<button type="button" class="icon-button remove" aria-label=${`Remove ${props.name}`} title="Remove"
      onClick=${() => onChange(undefined)}><${Icon} name="trash" /></button>`}
  </div>`;
}

function Words({ label, schema, value, where, required, stays, hint, faults, onChange }) {
  const id = idAt(where);
  const [type, shown, read] = inputOf(schema, value);
  const onInput = (event) => {
    const text = event.target.value;
    onChange(text === "" ? nothing(schema, required || stays) : read(text));
  };
  const told = hintOf(type, value, hint);
  const given = { ...describe(id, told, faults, required), dir: "auto" };
  return html`<${Field} id=${id} label=${label} required=${required} hint=${told} faults=${faults}>
    ${type === "textarea"
      ? html`<textarea ...${given} rows="3" value=${shown} onInput=${onInput}></textarea>`
      : html`<input ...${given} type=${type} step=${type === "datetime-local" ? 1 : undefined} value=${shown} autocomplete="off"
          inputmode=${{ email: "email", uri: "url" }[schema.format]} spellcheck=${schema.format ? false : undefined} onInput=${onInput} />`}
  <//>`;
}

// [the kind of input, its text, how its text is read]. An input for a date shows nothing else, and one of a line drops line breaks.
function inputOf(schema, value = "") {
  const as = (text) => text;
  if (value instanceof Unreadable) return ["text", value.text, as];
  const fits = value === "" || own(FORMATS, schema.format)?.(value);
  if (schema.format === "date" && fits && !value.startsWith("0000")) return ["date", value, as];
  const time = schema.format === "date-time" && fits ? localTime(value) : undefined;
  if (time !== undefined) return ["datetime-local", time, instant];
  const oneLine = schema.format || (schema.maxLength ?? LINE) <= LINE;
  return [value.length > LINE || /[\r\n]/.test(value) || !oneLine ? "textarea" : "text", value, as];
}

function hintOf(type, value, hint) {
  const zone = type === "datetime-local" && `In your time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
  const marks = typeof value === "string" ? new Set(pieces(value).map(({ mark }) => mark)) : new Set();
  marks.delete(undefined);
  const hidden = marks.size > 0 && `Has characters that can not be seen: ${[...marks].slice(0, 8).join(", ")}.`;
  return [hint, zone, hidden].filter(Boolean).join(" ");
}

// The time here; undefined for what no input of a time can show: a leap second, a year before 1 or after 9999.
function localTime(text) {
  if (!text) return "";
  const time = new Date(text);
  const here = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  const written = Number.isNaN(here.getTime()) ? "" : here.toISOString();
  return /^(?!0000)\d{4}-/.test(written) ? written.slice(0, 19) : undefined;
}

function instant(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? new Unreadable(text, "Must be a date and a time") : time.toISOString();
}

// What an emptied field stands for: no property, unless the empty text is one that must, or would by default, be there.
function nothing(schema, required) {
  const wanted = required || schema.default !== undefined;
  return wanted && !validate(schema, "").length ? "" : undefined;
}

function Figure({ label, schema, value, where, required, hint, faults, onChange }) {
  const id = idAt(where);
  const [text, setText] = useState(textOf(value));
  // What is typed stays as it is typed ("1.50"), as long as it stands for the value.
  const shown = same(readFigure(text), value) ? text : textOf(value);
  const onInput = (event) => {
    setText(event.target.value);
    onChange(readFigure(event.target.value));
  };
  return html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
    <input ...${describe(id, hint, faults, required)} class="number" inputmode=${schema.type === "integer" ? "numeric" : "decimal"}
      autocomplete="off" value=${shown} onInput=${onInput} />
  <//>`;
}

function readFigure(text) {
  const written = text.trim();
  if (!written) return undefined;
  return number(written) ?? new Unreadable(text, "Must be a number");
}

function textOf(value) {
  if (value === undefined) return "";
  return value instanceof Unreadable ? value.text : numberText(value);
}

function YesOrNo({ label, schema, value, where, required, hint, faults, onChange }) {
  const id = idAt(where);
  // An empty box would say "no" where nothing is said yet.
  const [isSaid] = useState(schema.default !== undefined && value !== undefined);
  if (isSaid) {
    return html`<div class="field check">
      <input ...${describe(id, hint, faults)} type="checkbox" checked=${value === true} onChange=${(event) => onChange(event.target.checked)} />
      <label class="label" for=${id}>${label}</label>
      <${Hint} id=${id} hint=${hint} faults=${faults} />
    </div>`;
  }
  return html`<${OneOf} ...${{ label, value, where, required, hint, faults, onChange }} schema=${{ enum: [true, false] }} names=${["Yes", "No"]} />`;
}

function OneOf({ label, schema, value, where, required, hint, faults, onChange, names }) {
  const id = idAt(where);
  const chosen = value === undefined ? -1 : schema.enum.findIndex((one) => same(one, value));
  const onInput = (event) => onChange(event.target.value === "-1" ? undefined : schema.enum[Number(event.target.value)]);
  return html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
    <select ...${describe(id, hint, faults, required)} value=${String(chosen)} onInput=${onInput}>
      ${(!required || chosen === -1) && html`<option value="-1" selected=${chosen === -1}>${required ? "Choose …" : "Not set"}</option>`}
      ${schema.enum.map(
        (one, index) => html`<option key=${index} value=${String(index)} selected=${chosen === index}>${names?.[index] ?? plain(one)}</option>`,
      )}
    </select>
  <//>`;
}

// A group has no attribute that says it is required.
function Legend({ label, required }) {
  const star = html`<span class="required" aria-hidden="true">*</span><span class="visually-hidden">(required)</span>`;
  return html`<legend>${label}${required && star}</legend>`;
}

function Group({ label, schema, value, where, required, stays, hint, faults, onChange }) {
  const change = (members) => onChange((whole = {}) => members(whole));
  return html`<fieldset class="group" id=${idAt(where)} tabindex="-1">
    <${Legend} label=${label} required=${required} />
    <${Hint} hint=${hint} />
    ${value === undefined
      ? html`<button type="button" class="button" onClick=${() => onChange(beginning(schema))}><${Icon} name="plus" />Add</button>`
      : html`<${Members} schema=${schema} value=${value} where=${where} onChange=${change} />
          ${!required && !stays && html`<button type="button" class="link" onClick=${() => onChange(undefined)}>Leave all of it out</button>`}`}
    <${Hint} id=${idAt(where)} faults=${faults} />
  </fieldset>`;
}

function List({ label, schema, value, where, required, hint, faults, onChange }) {
  const { items = {}, maxItems = Infinity } = schema;
  const change = (index) => (element) =>
    onChange((whole) => whole.map((old, at) => (at !== index ? old : typeof element === "function" ? element(old) : element)));
  const add = () => onChange((whole = []) => [...whole, items.type === "object" ? beginning(items) : (items.enum?.[0] ?? emptyOf(items))]);
  const remove = (index) => onChange((whole) => (whole.length === 1 && !required ? undefined : whole.filter((_, at) => at !== index)));
  const raise = (index) => onChange((whole) => whole.with(index, whole[index - 1]).with(index - 1, whole[index]));
  const elements = value ?? [];
  return html`<fieldset class="group list" id=${idAt(where)} tabindex="-1">
    <${Legend} label=${label} required=${required} />
    <${Hint} hint=${hint} />
    <ol>
      ${elements.map(
        (element, index) => html`<li key=${index}>
          <${Property} label=${nameOf(pointer(where, index))} schema=${items} value=${element} where=${pointer(where, index)}
            onChange=${change(index)} stays />
          <div class="element-buttons">
            ${index > 0 && html`<button type="button" class="icon-button" aria-label=${`Move ${index + 1} up`} title="Move up"
              onClick=${() => raise(index)}><${Icon} name="up" /></button>`}
            <button type="button" class="icon-button" aria-label=${`Remove ${index + 1}`} title="Remove"
              onClick=${() => remove(index)}><${Icon} name="trash" /></button>
          </div>
        </li>`,
      )}
    </ol>
    ${elements.length < maxItems && html`<button type="button" class="button" onClick=${add}><${Icon} name="plus" />Add</button>`}
    <${Hint} id=${idAt(where)} faults=${faults} />
  </fieldset>`;
}

const KINDS = [
  { value: "text", label: "Text" },
  { value: "number", label: "Number" },
  { value: "boolean", label: "Yes or no" },
  { value: "json", label: "JSON" },
];

// A value of any kind: the schema does not say which, or the value is of another.
function Anything({ label, value, where, required, stays, hint, faults, onChange }) {
  const [chosen, choose] = useState(kindOf(value));
  const kind = fitsKind(value, chosen) ? chosen : kindOf(value);
  const id = idAt(where);
  const given = { label, where, required, stays, hint, faults, onChange };
  const change = (next) => {
    choose(next);
    onChange(converted(value, next));
  };
  return html`<div class="anything">
    ${kind === "json"
      ? html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
          <${JsonText} ...${describe(id, hint, faults, required)} rows="4" value=${value} onChange=${onChange} />
        <//>`
      : html`<${{ text: Words, number: Figure, boolean: YesOrNo }[kind]} ...${given} value=${value}
          schema=${kind === "text" ? { maxLength: LINE } : {}} />`}
    <select aria-label=${`Kind of value of ${nameOf(where)}`} onChange=${(event) => change(event.target.value)}>
      ${KINDS.map((each) => html`<option key=${each.value} value=${each.value} selected=${each.value === kind}>${each.label}</option>`)}
    </select>
  </div>`;
}

function kindOf(value) {
  if (value === undefined || typeof value === "string") return "text";
  if (isNumber(value)) return "number";
  return typeof value === "boolean" ? "boolean" : "json";
}

function fitsKind(value, kind) {
  return kind === "json" || value === undefined || value instanceof Unreadable || kind === kindOf(value);
}

function converted(value, kind) {
  if (value === undefined || kind === "json") return value;
  const text = value instanceof Unreadable ? value.text : typeof value === "string" ? value : stringify(value);
  if (kind === "text") return text;
  return kind === "boolean" ? text === "true" : number(text.trim());
}

/** A value as JSON, to be changed as text. */
export function JsonText({ value, onChange, ...given }) {
  const [text, setText] = useState(jsonOf(value));
  const shown = !(value instanceof Unreadable) && same(readJson(text), value) ? text : jsonOf(value);
  const onInput = (event) => {
    setText(event.target.value);
    onChange(readJson(event.target.value));
  };
  return html`<textarea ...${given} class="code" spellcheck=${false} autocomplete="off" value=${shown} onInput=${onInput}></textarea>`;
}

function jsonOf(value) {
  if (value === undefined) return "";
  return value instanceof Unreadable ? value.text : stringify(value, 2);
}

function readJson(text) {
  if (!text.trim()) return undefined;
  try {
    return parse(text);
  } catch (error) {
    return new Unreadable(text, `Not valid JSON: ${cut(error.message, LINE)}`);
  }
}
