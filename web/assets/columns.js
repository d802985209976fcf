// The columns of a table: which there are, which are shown, and what the user has chosen of both.
import { html, useState } from "./vendor/htm-preact.js";
import { SERVERS_OWN } from "./contract.js";
import { isNumber, own } from "./json.js";
import { labelOf } from "./text.js";
import { Choice, Dialog, Icon, Text } from "./ui.js";

export const OWNER = "+owner"; // the column that says whose an item is; no property of the schema stands for it
const SERVERS_LABELS = { [OWNER]: "Owner", id: "ID", createdAt: "Created", updatedAt: "Updated", version: "Version" };
const SERVERS_SCHEMAS = { createdAt: { format: "date-time" }, updatedAt: { format: "date-time" }, version: { type: "integer" } };
const MANY = 12; // columns from which on the chooser has a search box

// Widths in rem, about: by them the columns are chosen that are shown at first.
const WIDTHS = { boolean: 5, date: 7.5, id: 8, long: 14, number: 5.5, option: 7, structure: 12, text: 9.5, time: 9.7 };
const FIRST_WIDTH = 12;
const OTHER_WIDTH = 3.5; // of the buttons
const LEAST_ROOM = 59; // of a window of 1280 pixels

/** What kind of values a property has, which says how wide its column is and how it is aligned. */
function kindOf(name, schema) {
  if (["createdAt", "updatedAt"].includes(name) || schema.format === "date-time") return "time";
  if (name === "id" || schema.format === "uuid") return "id";
  if (schema.format === "date") return "date";
  if (schema.enum) return "option";
  if (["integer", "number"].includes(schema.type)) return "number";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "array" || schema.type === "object") return "structure";
  return schema.maxLength > 1000 ? "long" : "text";
}

// The same of a property that no schema names, by the values that it has.
function kindOfValues(values) {
  const kinds = values.filter((value) => value !== undefined && value !== null).map((value) => (isNumber(value) ? "number" : typeof value));
  const kind = new Set(kinds).size === 1 ? kinds[0] : "string";
  return { boolean: "boolean", number: "number", object: "structure" }[kind] ?? "text";
}

/**
 * All columns that there can be: [{name, label, schema, kind, required}]. items: some, for the properties that no schema names. hasOwners: whether the
 * API says whose the items are.
 */
export function allColumns(entity, items, hasOwners) {
  const schemas = new Map(entity.properties.map(({ name, schema }) => [name, schema]));
  const required = new Set(entity.properties.filter((property) => property.required).map(({ name }) => name));
  for (const name of items.flatMap(Object.keys)) {
    if (!schemas.has(name) && !SERVERS_OWN.includes(name)) schemas.set(name, own(entity.item.properties ?? {}, name) ?? {});
  }
  // What items are called by comes first, whatever the schema's order: it is what opens them.
  const titles = (entity.titles.find((names) => names.some((name) => schemas.has(name))) ?? []).filter((name) => schemas.has(name));
  const names = [...titles, ...[...schemas.keys()].filter((name) => !titles.includes(name))];
  const others = [...(hasOwners ? [OWNER] : []), ...SERVERS_OWN];
  const column = (name, label, schema, kind = kindOf(name, schema)) => ({ name, label, schema, kind, required: required.has(name) });
  return [
    ...names.map((name) => {
      const schema = schemas.get(name);
      const isNamed = Object.keys(schema).length > 0;
      return column(name, entity.properties.length ? labelOf(name) : name, schema, isNamed ? kindOf(name, schema) : kindOfValues(items.map((item) => own(item, name))));
    }),
    ...others.map((name) => column(name, SERVERS_LABELS[name], own(SERVERS_SCHEMAS, name) ?? {})),
  ];
}

/** The names of the columns that a table has at first: as many as fit, of which required ones come first, and long texts and structures last. */
export function usualColumns(columns, hasOwners, room = Math.max(LEAST_ROOM, (innerWidth - 336) / 16)) {
  const properties = columns.filter(({ name }) => !own(SERVERS_LABELS, name));
  const last = [...(hasOwners ? [OWNER] : []), "id", "createdAt"];
  if (!properties.length) return last;
  const [first, ...rest] = properties;
  let left = room - FIRST_WIDTH - OTHER_WIDTH - (last.length - 1) * WIDTHS.id - WIDTHS.time;
  const chosen = new Set([first.name]);
  const rank = ({ kind, required }) => (kind === "long" || kind === "structure" ? 2 : required ? 0 : 1);
  for (const { name, label, kind } of rest.toSorted((one, other) => rank(one) - rank(other))) {
    const width = Math.max(WIDTHS[kind], Math.min(label.length, 24) * 0.45 + 1.5);
    if (width > left) continue;
    chosen.add(name);
    left -= width;
  }
  return [...properties.map(({ name }) => name).filter((name) => chosen.has(name)), ...last];
}

// --- what the user has chosen, which the browser keeps ---

const keyOf = (entity) => `columns:${document.body.dataset.name}:${entity.name}`;

function load(entity) {
  try {
    const { names, density } = JSON.parse(localStorage.getItem(keyOf(entity))) ?? {};
    return { names: Array.isArray(names) && names.every((name) => typeof name === "string") ? names : null, density: density === "compact" ? density : "comfortable" };
  } catch {
    return { names: null, density: "comfortable" };
  }
}

function save(entity, chosen) {
  try {
    if (!chosen.names && chosen.density === "comfortable") localStorage.removeItem(keyOf(entity));
    else localStorage.setItem(keyOf(entity), JSON.stringify(chosen));
  } catch {
    // The browser keeps nothing: then it is chosen for this visit.
  }
}

/**
 * {columns, shown, density, choose}: all columns, the shown ones in their order, and what changes either:
 * choose({names: null for the usual ones, density}).
 */
export function useColumns(entity, columns, hasOwners) {
  const [chosen, setChosen] = useState(() => load(entity));
  const byName = new Map(columns.map((column) => [column.name, column]));
  const usual = usualColumns(columns, hasOwners);
  const names = (chosen.names ?? usual).filter((name) => byName.has(name));
  const choose = (changes) => {
    const next = { ...chosen, ...changes };
    setChosen(next);
    save(entity, next);
  };
  return {
    columns,
    shown: (names.length ? names : usual).map((name) => byName.get(name)),
    isUsual: chosen.names === null,
    density: chosen.density,
    choose,
  };
}

/** The dialog in which columns are chosen and ordered. */
export function ColumnChooser({ columns, shown, isUsual, density, choose, onClose }) {
  const [text, setText] = useState("");
  const [dragged, setDragged] = useState(null);
  const names = shown.map(({ name }) => name);
  const hidden = columns.filter(({ name }) => !names.includes(name));
  const listed = [...shown, ...hidden].filter(({ label }) => label.toLowerCase().includes(text.trim().toLowerCase()));
  const toggle = (name) => choose({ names: names.includes(name) ? names.filter((other) => other !== name) : [...names, name] });
  const move = (name, place) => {
    const others = names.filter((other) => other !== name);
    choose({ names: [...others.slice(0, place), name, ...others.slice(place)] });
  };
  // The button that was pressed moves with its row, or is disabled at the end: then the other one has the focus.
  const step = (event, name, by) => {
    const place = names.indexOf(name) + by;
    const { parentElement } = event.currentTarget;
    move(name, place);
    setTimeout(() => parentElement.querySelector(by < 0 ? "button:enabled" : "button:last-child:enabled, button:enabled")?.focus());
  };
  return html`<${Dialog} title="Columns" onClose=${onClose}>
    <div class="dialog-body chooser">
      <${Choice} label="Row height" value=${density} onChange=${(next) => choose({ density: next })}
        options=${[{ value: "comfortable", label: "Comfortable" }, { value: "compact", label: "Compact" }]} />
      ${columns.length > MANY && html`<label><span class="visually-hidden">Find a column</span>
        <input type="search" placeholder=${`Find one of ${columns.length} columns`} autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} />
      </label>`}
      <ul>
        ${listed.map(({ name, label }) => {
          const place = names.indexOf(name);
          const isShown = place >= 0;
          const drop = (event) => {
            event.preventDefault();
            if (dragged !== null && isShown) move(dragged, place);
            setDragged(null);
          };
          return html`<li key=${name} draggable=${isShown} class=${dragged === name ? "dragged" : ""}
            onDragStart=${() => setDragged(name)} onDragEnd=${() => setDragged(null)} onDragOver=${(event) => isShown && event.preventDefault()} onDrop=${drop}>
            <label><input type="checkbox" checked=${isShown} disabled=${isShown && names.length === 1} onChange=${() => toggle(name)} />
              <${Text} value=${label} limit=${60} /></label>
            ${isShown && html`<span class="moves">
              <button type="button" class="icon-button" aria-label=${`Move ${label} up`} disabled=${place === 0} onClick=${(event) => step(event, name, -1)}><${Icon} name="up" /></button>
              <button type="button" class="icon-button" aria-label=${`Move ${label} down`} disabled=${place === names.length - 1} onClick=${(event) => step(event, name, 1)}><${Icon} name="down" /></button>
            </span>`}
          </li>`;
        })}
      </ul>
      ${listed.length === 0 && html`<p class="hint">No column is called that.</p>`}
    </div>
    <footer class="buttons">
      <button type="button" class="button" disabled=${isUsual} onClick=${() => choose({ names: null })}>Reset</button>
      ${hidden.length > 0 && html`<button type="button" class="button" onClick=${() => choose({ names: [...names, ...hidden.map(({ name }) => name)] })}>Show all</button>`}
      <button type="button" class="button primary" onClick=${onClose}>Done</button>
    </footer>
  <//>`;
}
