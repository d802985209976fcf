// The filters of a list, as the API has them: one property at a time, and a range of what its lists are sorted by; and an owner's items.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { own, stringify } from "./json.js";
import { labelOf } from "./text.js";
import { Choice, Icon } from "./ui.js";
import { plainText } from "./value.js";

const PAUSE_MS = 400; // ms without a key, after which what was typed is asked for

/**
 * query: of the route. onChange(changes, options): changes of the query, as `go` takes them. seesAll: the caller is shown the items of all
 * owners, and has to choose one before anything else can be a filter.
 */
export function Filters({ entity, query, onChange, seesAll }) {
  const active = entity.filters.find(({ name }) => query[name] !== undefined);
  const [picked, setPicked] = useState(entity.filters.length === 1 ? entity.filters[0].name : "");
  const filter = active ?? entity.filters.find(({ name }) => name === picked);
  const parameters = entity.filters.flatMap(({ name, bounds }) => [name, ...bounds.map((bound) => bound.name)]);
  const cleared = Object.fromEntries([...parameters, "order"].map((name) => [name, undefined]));
  const hasOwner = entity.reachesOwners && (seesAll || query.owner !== undefined);
  const needsOwner = seesAll && query.owner === undefined;
  const choose = (name) => {
    setPicked(name);
    const next = entity.filters.find((each) => each.name === name);
    onChange({ ...cleared, ...(next && { [name]: firstValue(next.schema) }) });
  };
  const clear = () => {
    setPicked(entity.filters.length === 1 ? picked : "");
    onChange({ ...cleared, owner: undefined });
  };
  const set = (value, options) => onChange(value === undefined ? cleared : { [filter.name]: value }, options);
  // What filters an owner's list filters no other.
  const setOwner = (value, options) => onChange({ ...(value === undefined && cleared), owner: value }, options);
  return html`
    ${hasOwner && html`<${TypedValue} label="Owner is exactly" value=${query.owner} onChange=${setOwner} />`}
    ${entity.filters.length > 1 && html`<label>Filter
      <select value=${filter?.name ?? ""} disabled=${needsOwner} title=${needsOwner ? "Choose an owner first" : undefined}
        onChange=${(event) => choose(event.target.value)}>
        <option value="" selected=${!filter}>${needsOwner ? "Needs an owner" : "None"}</option>
        ${entity.filters.map(
          ({ name }) => html`<option key=${name} value=${name} selected=${filter?.name === name}>${labelOf(name)}</option>`,
        )}
      </select>
    </label>`}
    ${filter && !needsOwner && html`<${FilterValue} key=${filter.name} filter=${filter} value=${query[filter.name]} onChange=${set}
      isOnly=${entity.filters.length === 1} />`}
    ${active && html`<${Range} key=${`${active.name} range`} entity=${entity} filter=${active} query=${query} onChange=${onChange} />`}
    ${(active || query.owner !== undefined) && html`<button type="button" class="link" onClick=${clear}><${Icon} name="close" />Clear</button>`}
  `;
}

// What a filter begins with where a value is to be chosen, not typed.
function firstValue(schema) {
  if (schema.type === "boolean") return "true";
  return schema.enum && queryText(schema.enum[0]);
}

// A value as the API's query has it.
const queryText = (value) => (typeof value === "string" ? value : stringify(value));

function FilterValue({ filter, value, onChange, isOnly }) {
  const label = labelOf(filter.name);
  const text = `${isOnly ? label : ""} is exactly`.trim();
  const name = `${label} is exactly`;
  if (filter.schema.type === "boolean") {
    const options = [...(isOnly ? [{ value: "", label: "All" }] : []), { value: "true", label: "Yes" }, { value: "false", label: "No" }];
    return html`<span class="with-label">
      <span aria-hidden="true">${text}</span>
      <${Choice} label=${name} options=${options} value=${value ?? ""} onChange=${(next) => onChange(next || undefined)} />
    </span>`;
  }
  if (filter.schema.enum) {
    // By their places: a value may be the empty text, which no value at all is too.
    const chosen = filter.schema.enum.findIndex((element) => queryText(element) === value);
    const choose = (index) => onChange(index === "-1" ? undefined : queryText(filter.schema.enum[index]));
    return html`<label>${text}
      <select aria-label=${name} value=${String(chosen)} onChange=${(event) => choose(event.target.value)}>
        ${isOnly && html`<option value="-1" selected=${chosen === -1}>All</option>`}
        ${filter.schema.enum.map(
          (element, index) => html`<option key=${index} value=${String(index)} selected=${chosen === index}>${plainText(element)}</option>`,
        )}
      </select>
    </label>`;
  }
  const type = filter.schema.format === "date" ? "date" : "text";
  return html`<${TypedValue} label=${text} name=${name} type=${type} value=${value} onChange=${onChange} isNumber=${isNumeric(filter.schema)} />`;
}

const isNumeric = (schema) => ["integer", "number"].includes(schema.type);

/** An input whose text counts after a pause; undefined where it is empty. name: what the label leaves to the eye. */
function TypedValue({ label, name = label, type = "text", value = "", onChange, isNumber = false }) {
  const [text, setText] = useState(value);
  const timer = useRef(null);
  // Unless more has been typed meanwhile, which will be asked for next.
  useEffect(() => {
    if (timer.current === null) setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (event) => {
    const next = event.target.value;
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      onChange(next || undefined, { replace: value !== "" });
    }, PAUSE_MS);
  };
  return html`<label>${label}
    <input type=${type} aria-label=${name} value=${text} inputmode=${isNumber ? "decimal" : undefined} autocomplete="off" spellcheck=${false} onInput=${onInput} />
  </label>`;
}

// The range of what the filter's lists are sorted by: days of a time, a beginning of a text, bounds of a number.
function Range({ entity, filter, query, onChange }) {
  const boundOf = (operator) => filter.bounds.find((each) => each.operator === operator);
  const label = filter.sort === "createdAt" ? "Created" : labelOf(filter.sort);
  const rule = own(entity.schema.properties, filter.sort) ?? { format: "date-time" };
  const input = (operator, name, type, read = (text) => text, write = read) => {
    const isNumber = isNumeric(rule);
    const parameter = boundOf(operator)?.name;
    if (!parameter) return null;
    const set = (text, options) => onChange({ [parameter]: text && write(text) }, options);
    return html`<${TypedValue} label=${name === "to" ? name : `${label} ${name}`} name=${`${label} ${name}`} type=${type} value=${query[parameter] ? read(query[parameter]) : ""} onChange=${set} isNumber=${isNumber} />`;
  };
  if (rule.format === "date-time") return html`${input("gte", "from", "date", dayOf, startOf)}${input("lt", "to", "date", dayBefore, endOf)}`;
  if (rule.format === "date") return html`${input("gte", "from", "date")}${input("lte", "to", "date")}`;
  if (isNumeric(rule)) return html`${input("gte", "from", "text")}${input("lte", "to", "text")}`;
  return input("prefix", "begins with", "text");
}

// Days are the reader's own, the API's times are UTC. What is no day to the API, such as one of the year 12026, it says itself.
function startOf(text, later = 0) {
  const time = new Date(`${text}T00:00:00`);
  time.setDate(time.getDate() + later);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

const endOf = (text) => startOf(text, 1);

function dayOf(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? "" : new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

const dayBefore = (text) => dayOf(new Date(new Date(text).getTime() - 1));
