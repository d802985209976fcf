// A form from a JSON Schema. Each field gives onChange a value, undefined or an InvalidInput.
import { createContext, html, useContext, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isEqual, isNumber, isObject, own, parseNumber, parseTyped, pointer, pointerNames, stringify, without } from "./json.js";
import { propertyNames } from "./model.js";
import { FORMATS, InvalidInput, localNumber, readNumber, ruleHint, validate } from "./rules.js";
import { countText, labelOf, truncate, visiblePieces } from "./text.js";
import { Button, Field, Hint, Icon, IconButton, Select, Text, Value, inputAttributes, plainText } from "./ui.js";

const PAUSE_MS = 600;
const LINE_LENGTH = 200;
const MAX_FIELDS = 300;
const LONG_FORM = 20; // fields; longer forms start with optional groups folded
const FOLDED = { names: 10, optional: 5 }; // larger objects hide 5 or more unset properties
const GRID_COLUMNS = 8;

// {faultsAt(pointer): sentences, hasFaultsIn(pointer), touch(pointer): show faults there from now on, isLong}
const FormContext = createContext(null);

/** onChange takes a value, or a function of the old value. */
export function Form({ schema, value, onChange, ...context }) {
  const [isLong] = useState(() => fieldsOf({ ...schema, type: "object" }, value) > LONG_FORM);
  return html`<${FormContext.Provider} value=${{ ...context, isLong }}>
    <${PropertyFields} schema=${schema} value=${value} where="" onChange=${onChange} />
  <//>`;
}

export function initialValue(schema) {
  const { properties = {}, required = [] } = schema;
  const entries = Object.entries(properties).map(([name, rule]) => {
    if (rule.default !== undefined && !rule.readOnly) return [name, rule.default];
    return [name, required.includes(name) && rule.type === "object" && !rule.readOnly ? initialValue(rule) : undefined];
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

export function fitsForm(schema, value) {
  return fieldsOf({ ...schema, type: "object" }, value) <= MAX_FIELDS;
}

function fieldsOf(schema, value) {
  const { type, properties = {}, items = {}, additionalProperties } = schema;
  const others = isObject(additionalProperties) ? additionalProperties : {};
  const parts = (rules) => rules.reduce((sum, [rule, part]) => sum + fieldsOf(rule, part), 0);
  if (type === "object" && isObject(value)) return parts(Object.entries(value).map(([name, part]) => [own(properties, name) ?? others, part]));
  if (type === "array" && Array.isArray(value)) return parts(value.map((part) => [items, part]));
  return 1;
}

export function fieldId(where) {
  return `at${encodeURIComponent(where.toWellFormed())}`;
}

/** "/lines/0" becomes "Lines, 1". */
export function pointerLabel(where) {
  return pointerNames(where).map((name) => (/^\d+$/.test(name) ? String(Number(name) + 1) : labelOf(name))).join(", ");
}

function PropertyFields({ schema, value, where, onChange }) {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const { faultsAt, hasFaultsIn } = useContext(FormContext);
  const names = propertyNames(schema);
  const others = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  const isUnset = (name) => !required.includes(name) && own(value, name) === undefined && !properties[name].readOnly;
  const [folded, setFolded] = useState(() => {
    const unset = names.length > FOLDED.names ? names.filter(isUnset) : [];
    return new Set(unset.length >= FOLDED.optional ? unset : []);
  });
  const isFolded = (name) => folded.has(name) && isUnset(name) && !faultsAt(pointer(where, name)).length && !hasFaultsIn(pointer(where, name));
  const hidden = names.filter(isFolded).length;
  const unfold = () => {
    const first = fieldId(pointer(where, names.find(isFolded)));
    setFolded(new Set());
    setTimeout(() => document.getElementById(first)?.focus());
  };
  const changeMember = (name) => (member) => {
    onChange((object) => {
      const next = typeof member === "function" ? member(own(object, name)) : member;
      return next === undefined ? without(object, name) : { ...object, [name]: next };
    });
  };
  return html`
    ${names.filter((name) => !isFolded(name)).map(
      (name) => properties[name].readOnly
        ? html`<${ReadOnlyProperty} key=${name} label=${labelOf(name)} schema=${properties[name]}
          value=${own(value, name)} where=${pointer(where, name)} />`
        : html`<${Property} key=${name} label=${labelOf(name)} schema=${properties[name]} value=${own(value, name)}
        where=${pointer(where, name)} required=${required.includes(name)} onChange=${changeMember(name)} />`,
    )}
    ${others.map(
      (name) => html`<${Property} key=${`+${name}`} label=${html`<${Text} value=${name} limit=${80} />`} name=${name} keepsEmpty removable
        schema=${isObject(additionalProperties) ? additionalProperties : {}} value=${own(value, name)}
        where=${pointer(where, name)} onChange=${changeMember(name)} />`,
    )}
    ${hidden > 0 && html`<${Button} kind="link add" icon="down" aria-expanded="false"
      onClick=${unfold}>Show ${countText(hidden, "optional field")}
    <//>`}
    ${additionalProperties !== false && html`<${NewProperty} where=${where}
      existingNames=${[...Object.keys(properties), ...others]}
      onAdd=${(name) => changeMember(name)(emptyOf(additionalProperties))} />`}
  `;
}

function emptyOf(schema) {
  return { array: [], object: {}, boolean: false, number: 0, integer: 0 }[schema.type] ?? "";
}

function NewProperty({ where, existingNames, onAdd }) {
  const [name, setName] = useState(null);
  const input = useRef(null);
  useLayoutEffect(() => input.current?.focus(), [name === null]);
  const id = `${fieldId(where)}+`;
  if (name === null) {
    return html`<${Button} kind="link add" icon="plus" onClick=${() => setName("")}>Add a property<//>`;
  }
  const faults = existingNames.includes(name) ? ["This property already exists"] : [];
  const add = () => {
    if (!name || faults.length) return;
    onAdd(name);
    setName(null);
  };
  const onKeyDown = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter would send the form
    add();
  };
  return html`<${Field} id=${id} label="Name of the new property" faults=${faults}>
    <div class="with-button">
      <input ...${inputAttributes(id, "", faults)} ref=${input} value=${name} spellcheck=${false} onKeyDown=${onKeyDown}
        onInput=${(event) => setName(event.target.value)} />
      <${Button} onClick=${add}>Add<//>
    </div>
  <//>`;
}

function editorOf(schema, value) {
  const isEmptyOr = (test) => value === undefined || value instanceof InvalidInput || test(value);
  if (schema.enum) return isEmptyOr((present) => schema.enum.some((element) => isEqual(element, present))) ? EnumSelect : AnyValueInput;
  switch (schema.type) {
    case "boolean":
      return isEmptyOr((present) => typeof present === "boolean") ? BooleanInput : AnyValueInput;
    case "integer":
    case "number":
      return isEmptyOr(isNumber) ? NumberInput : AnyValueInput;
    case "string":
      return isEmptyOr((present) => typeof present === "string") ? TextInput : AnyValueInput;
    case "array":
      return value === undefined || Array.isArray(value) ? ArrayFields : AnyValueInput;
    case "object":
      return value === undefined || isObject(value) ? ObjectFields : AnyValueInput;
    default:
      return AnyValueInput;
  }
}

function ReadOnlyProperty({ label, schema, value, where }) {
  if (value === undefined) return null;
  const id = fieldId(where);
  return html`<div class="property field" role="group" aria-labelledby=${id}>
    <span class="label" id=${id} tabindex="-1">${label}</span>
    <div><${Value} value=${value} schema=${schema} /></div>
    <${Hint} id=${id} hint=${schema.description} />
  </div>`;
}

// keepsEmpty: an empty value stays until someone removes it.
function Property(props) {
  const { schema, value, where, onChange, keepsEmpty, removable } = props;
  const { faultsAt, touch } = useContext(FormContext);
  const pause = useRef(0);
  useEffect(() => () => clearTimeout(pause.current), []);
  const change = (next) => {
    clearTimeout(pause.current);
    pause.current = setTimeout(() => touch(where), PAUSE_MS);
    onChange(keepsEmpty && next === undefined ? new InvalidInput("", "Fill this in, or remove it") : next);
  };
  const Editor = editorOf(schema, value);
  const editorProps = { ...props, faults: faultsAt(where), hint: [schema.description, ruleHint(schema)].filter(Boolean).join(" "), onChange: change };
  const onFocusOut = () => {
    if (value !== undefined) touch(where);
  };
  return html`<div class=${`property${removable ? " removable" : ""}`} onFocusOut=${onFocusOut}>
    <${Editor} ...${editorProps} />
    ${removable && html`<${IconButton} kind="icon-button remove" icon="trash" label=${`Remove ${props.name}`}
      title="Remove" onClick=${() => onChange(undefined)} />`}
  </div>`;
}

function TextInput({ label, schema, value, where, required, keepsEmpty, hint, faults, onChange, isCompact }) {
  const id = fieldId(where);
  const [type, shown, read] = inputOf(schema, value, isCompact);
  const onInput = (event) => {
    const text = event.target.value;
    onChange(text === "" ? emptyTextValue(schema, required || keepsEmpty) : read(text));
  };
  const fullHint = hintOf(type, value, hint);
  const attributes = { ...inputAttributes(id, fullHint, faults, required), dir: "auto" };
  return html`<${Field} id=${id} label=${label} required=${required} hint=${fullHint} faults=${faults}>
    ${type === "textarea"
      ? html`<textarea ...${attributes} rows="3" value=${shown} onInput=${onInput}></textarea>`
      : html`<input ...${attributes} type=${type} step=${type === "datetime-local" ? 1 : undefined} value=${shown} autocomplete="off"
          inputmode=${{ email: "email", uri: "url" }[schema.format]} spellcheck=${schema.format ? false : undefined} onInput=${onInput} />`}
  <//>`;
}

// [input type, shown text, how to read it]
function inputOf(schema, value = "", isCompact = false) {
  const asTyped = (text) => text;
  if (value instanceof InvalidInput) return ["text", value.text, asTyped];
  const fits = value === "" || own(FORMATS, schema.format)?.(value);
  if (schema.format === "date" && fits && !value.startsWith("0000")) return ["date", value, asTyped];
  const time = schema.format === "date-time" && fits ? localTime(value) : undefined;
  if (time !== undefined) return ["datetime-local", time, readLocalTime];
  const oneLine = isCompact || schema.format || (schema.maxLength ?? LINE_LENGTH) <= LINE_LENGTH;
  return [value.length > LINE_LENGTH || /[\r\n]/.test(value) || !oneLine ? "textarea" : "text", value, asTyped];
}

function hintOf(type, value, hint) {
  const zone = type === "datetime-local" && `In your time zone, ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
  const marks = typeof value === "string" ? new Set(visiblePieces(value).map(({ mark }) => mark)) : new Set();
  marks.delete(undefined);
  const hidden = marks.size > 0 && `It contains invisible characters: ${[...marks].slice(0, 8).join(", ")}.`;
  return [hint, zone, hidden].filter(Boolean).join(" ");
}

// undefined if inputs cannot show it: leap seconds.
function localTime(text) {
  if (!text) return "";
  const time = new Date(text);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  const local = Number.isNaN(shifted.getTime()) ? "" : shifted.toISOString();
  return /^(?!0000)\d{4}-/.test(local) ? local.slice(0, 19) : undefined;
}

function readLocalTime(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? new InvalidInput(text, "Enter a date and a time") : time.toISOString();
}

function emptyTextValue(schema, required) {
  const mustExist = required || schema.default !== undefined;
  return mustExist && !validate(schema, "").length ? "" : undefined;
}

function NumberInput({ label, schema, value, where, required, hint, faults, onChange }) {
  const id = fieldId(where);
  const [text, setText] = useState(inputText(value));
  // Keep "1.50" as typed.
  const shown = isEqual(readNumber(text), value) ? text : inputText(value);
  const onInput = (event) => {
    setText(event.target.value);
    onChange(readNumber(event.target.value));
  };
  return html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
    <input ...${inputAttributes(id, hint, faults, required)} class="number"
      inputmode=${schema.type === "integer" ? "numeric" : "decimal"}
      autocomplete="off" value=${shown} onInput=${onInput} />
  <//>`;
}

function inputText(value) {
  if (value === undefined) return "";
  return value instanceof InvalidInput ? value.text : localNumber(value);
}

function BooleanInput({ label, schema, value, where, required, hint, faults, onChange }) {
  const id = fieldId(where);
  // An empty checkbox would say "no" before anyone has answered.
  const [isCheckbox] = useState(schema.default !== undefined && value !== undefined);
  if (isCheckbox) {
    return html`<div class="field check">
      <input ...${inputAttributes(id, hint, faults)} type="checkbox" checked=${value === true}
        onChange=${(event) => onChange(event.target.checked)} />
      <label class="label" for=${id}>${label}</label>
      <${Hint} id=${id} hint=${hint} faults=${faults} />
    </div>`;
  }
  return html`<${EnumSelect} ...${{ label, value, where, required, hint, faults, onChange }}
    schema=${{ enum: [true, false] }} names=${["Yes", "No"]} />`;
}

function EnumSelect({ label, schema, value, where, required, hint, faults, onChange, names }) {
  const id = fieldId(where);
  const chosen = value === undefined ? -1 : schema.enum.findIndex((element) => isEqual(element, value));
  const choose = (index) => onChange(schema.enum[index]);
  const options = schema.enum.map((element, index) => [String(index), names?.[index] ?? plainText(element)]);
  if (!required || chosen === -1) options.unshift(["-1", required ? "Choose …" : "Not set"]);
  return html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
    <${Select} ...${inputAttributes(id, hint, faults, required)} value=${String(chosen)} onChange=${choose} options=${options} />
  <//>`;
}

// Groups have no attribute for "required".
function Legend({ label, required }) {
  const star = html`<span class="required" aria-hidden="true">*</span><span class="visually-hidden">(required)</span>`;
  return html`<legend>${label}${required && star}</legend>`;
}

// Optional groups fold; a fault inside unfolds them.
function Group({ label, value, where, required, hint, faults, kind = "", children }) {
  const { hasFaultsIn, isLong } = useContext(FormContext);
  const [isOpen, setOpen] = useState(!isLong || value === undefined);
  const canFold = !required && value !== undefined;
  const isShown = isOpen || !canFold || hasFaultsIn(where);
  return html`<fieldset class=${`group ${kind}`} id=${fieldId(where)} tabindex="-1">
    ${canFold
      ? html`<legend><button type="button" class="fold" aria-expanded=${isShown ? "true" : "false"}
        onClick=${() => setOpen(!isShown)}>
          <${Icon} name=${isShown ? "down" : "forward"} />${label}
        </button></legend>`
      : html`<${Legend} label=${label} required=${required} />`}
    ${isShown ? html`<${Hint} hint=${hint} />${children}` : html`<p class="hint"><${Text} value=${summaryOf(value)} limit=${80} /></p>`}
    <${Hint} id=${fieldId(where)} faults=${faults} />
  </fieldset>`;
}

function summaryOf(value) {
  if (Array.isArray(value)) return countText(value.length, "entry");
  const parts = Object.values(value).filter((part) => typeof part === "string" || isNumber(part));
  return parts.map((part) => (isNumber(part) ? localNumber(part) : part)).join(", ") || countText(Object.keys(value).length, "property");
}

function ObjectFields(props) {
  const { schema, value, where, required, keepsEmpty, onChange } = props;
  const change = (update) => onChange((object = {}) => update(object));
  return html`<${Group} ...${props} required=${required || keepsEmpty}>
    ${value === undefined
      ? html`<${Button} icon="plus" onClick=${() => onChange(initialValue(schema))}>Add<//>`
      : html`<${PropertyFields} schema=${schema} value=${value} where=${where} onChange=${change} />
          ${!required && !keepsEmpty && html`<${Button} kind="link" onClick=${() => onChange(undefined)}>Remove all<//>`}`}
  <//>`;
}

function ArrayFields(props) {
  const { schema, value, where, required, keepsEmpty, onChange } = props;
  const { items = {}, maxItems = Infinity } = schema;
  const list = useRef(null);
  const next = useRef(null);
  const elements = value ?? [];
  useLayoutEffect(() => {
    if (next.current === null) return;
    const rows = list.current.querySelectorAll(":scope > li, :scope > tbody > tr");
    const row = rows[Math.min(next.current, rows.length - 1)];
    const target = row?.querySelector("input, select, textarea, button") ?? list.current.closest("fieldset").querySelector(":scope > .button");
    target?.focus();
    next.current = null;
  });
  const change = (index) => (element) =>
    onChange((elements) => elements.map((old, at) => (at !== index ? old : typeof element === "function" ? element(old) : element)));
  const add = () => {
    next.current = elements.length;
    onChange((elements = []) => [...elements, items.type === "object" ? initialValue(items) : (items.enum?.[0] ?? emptyOf(items))]);
  };
  const remove = (index) => {
    next.current = index;
    onChange((elements) => (elements.length === 1 && !required ? undefined : elements.filter((_, at) => at !== index)));
  };
  const moveUp = (index) => onChange((elements) => elements.with(index, elements[index - 1]).with(index - 1, elements[index]));
  const buttons = (index) => html`<div class="element-buttons">
    ${index > 0 && html`<${IconButton} icon="up" label=${`Move ${index + 1} up`} title="Move up"
      onClick=${() => moveUp(index)} />`}
    <${IconButton} icon="trash" label=${`Remove ${index + 1}`} title="Remove" onClick=${() => remove(index)} />
  </div>`;
  const columns = gridColumns(items, elements);
  return html`<${Group} ...${props} required=${required || keepsEmpty} kind="list">
    ${columns && elements.length > 0
      ? html`<${Grid} gridRef=${list} ...${{ columns, items, elements, where, change, buttons }} />`
      : html`<ol ref=${list}>
          ${elements.map(
            (element, index) => html`<li key=${index}>
              <${Property} label=${pointerLabel(pointer(where, index))} schema=${items} value=${element}
                where=${pointer(where, index)}
                onChange=${change(index)} keepsEmpty />
              ${buttons(index)}
            </li>`,
          )}
        </ol>`}
    ${elements.length < maxItems && html`<${Button} icon="plus" onClick=${add}>Add<//>`}
  <//>`;
}

function gridColumns(items, elements) {
  const names = propertyNames(items);
  const isPlain = ({ enum: values, type }) => values || ["boolean", "integer", "number", "string"].includes(type);
  const fits = items.type === "object" && names.length > 0 && names.length <= GRID_COLUMNS && names.every((name) => isPlain(items.properties[name]));
  const isKnown = (element) => isObject(element) && Object.keys(element).every((name) => names.includes(name));
  return fits && elements.every(isKnown) ? names : null;
}

function Grid({ gridRef, columns, items: { properties, required = [] }, elements, where, change, buttons }) {
  const { faultsAt } = useContext(FormContext);
  const changeMember = (index, name) => (member) =>
    change(index)((element) => (member === undefined ? without(element, name) : { ...element, [name]: member }));
  const isRequired = (name) => required.includes(name) && !properties[name].readOnly;
  return html`<div class="grid-frame"><table class="grid" role="table" ref=${gridRef}>
    <thead role="rowgroup"><tr role="row">
      ${columns.map((name) => html`<th key=${name} role="columnheader" scope="col" title=${ruleHint(properties[name])}>
        ${labelOf(name)}${isRequired(name) && html`<span class="required" aria-hidden="true">*</span>`}
      </th>`)}
      <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
    </tr></thead>
    <tbody role="rowgroup">
      ${elements.map((element, index) => {
        const row = pointer(where, index);
        return html`<tr key=${index} role="row" id=${fieldId(row)} tabindex="-1">
          ${columns.map((name, column) => {
            const cell = { label: labelOf(name), schema: properties[name], value: own(element, name), where: pointer(row, name) };
            return html`<td key=${name} role="cell" class=${kindOfCell(properties[name])} data-label=${cell.label}>
              ${properties[name].readOnly
                ? html`<${ReadOnlyProperty} ...${cell} />`
                : html`<${Property} ...${cell} label=${`${cell.label} ${index + 1}`} required=${isRequired(name)}
                  onChange=${changeMember(index, name)} isCompact />`}
              ${column === 0 && html`<${Hint} faults=${faultsAt(row)} />`}
            </td>`;
          })}
          <td role="cell">${buttons(index)}</td>
        </tr>`;
      })}
    </tbody>
  </table></div>`;
}

const kindOfCell = ({ type }) => (["integer", "number", "boolean"].includes(type) ? "narrow" : "");

const KINDS = [["text", "Text"], ["number", "Number"], ["boolean", "Yes or no"], ["json", "JSON"]];

function AnyValueInput({ label, value, where, required, keepsEmpty, hint, faults, onChange }) {
  const [chosen, setChosen] = useState(kindOf(value));
  const kind = fitsKind(value, chosen) ? chosen : kindOf(value);
  const id = fieldId(where);
  const fieldProps = { label, where, required, keepsEmpty, hint, faults, onChange };
  const change = (next) => {
    setChosen(next);
    onChange(convertValue(value, next));
  };
  return html`<div class="anything">
    ${kind === "json"
      ? html`<${Field} id=${id} label=${label} required=${required} hint=${hint} faults=${faults}>
          <${JsonText} ...${inputAttributes(id, hint, faults, required)} rows="4" value=${value} onChange=${onChange} />
        <//>`
      : html`<${{ text: TextInput, number: NumberInput, boolean: BooleanInput }[kind]} ...${fieldProps} value=${value}
          schema=${kind === "text" ? { maxLength: LINE_LENGTH } : {}} />`}
    <${Select} aria-label=${`Type of ${pointerLabel(where)}`} value=${kind} onChange=${change} options=${KINDS} />
  </div>`;
}

function kindOf(value) {
  if (value === undefined || typeof value === "string") return "text";
  if (isNumber(value)) return "number";
  return typeof value === "boolean" ? "boolean" : "json";
}

function fitsKind(value, kind) {
  return kind === "json" || value === undefined || value instanceof InvalidInput || kind === kindOf(value);
}

function convertValue(value, kind) {
  if (value === undefined || kind === "json") return value;
  const text = value instanceof InvalidInput ? value.text : typeof value === "string" ? value : stringify(value);
  if (kind === "text") return text;
  return kind === "boolean" ? text === "true" : parseNumber(text.trim());
}

export function JsonText({ value, onChange, ...attributes }) {
  const [text, setText] = useState(jsonText(value));
  const shown = !(value instanceof InvalidInput) && isEqual(readJson(text), value) ? text : jsonText(value);
  const onInput = (event) => {
    setText(event.target.value);
    onChange(readJson(event.target.value));
  };
  return html`<textarea ...${attributes} class="code" spellcheck=${false} autocomplete="off" value=${shown}
    onInput=${onInput}></textarea>`;
}

function jsonText(value) {
  if (value === undefined) return "";
  return value instanceof InvalidInput ? value.text : stringify(value, 2);
}

function readJson(text) {
  if (!text.trim()) return undefined;
  try {
    return parseTyped(text);
  } catch (error) {
    return new InvalidInput(text, `Not valid JSON: ${truncate(error.message, LINE_LENGTH)}`);
  }
}
