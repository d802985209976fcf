// The table: its columns, rows and cells.
import { html, useLayoutEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { SERVERS_OWN } from "./contract.js";
import { isNumber, isObject, own, stringify } from "./json.js";
import { titleOf } from "./model.js";
import { createStore, hashOf } from "./place.js";
import { FORMATS } from "./rules.js";
import { labelOf, shortId, truncate, visibleText } from "./text.js";
import { Button, Cell, Choice, CopyButton, Dialog, Icon, IconButton, Text, Value, focusHeading } from "./ui.js";

const TEXT_LENGTHS = { comfortable: 60, compact: 32 };
const STRUCTURE_LENGTH = 32; // of an object or array
const SKELETON_ROWS = 12;

/** owners: of each item, if the API returns them. */
export function rowsOf(items, owners) {
  if (!owners) return items.map((item) => ({ key: item.id, id: item.id, owner: undefined, item }));
  return items.map((item, index) => ({ key: `${owners[index]}/${item.id}`, id: item.id, owner: owners[index], item }));
}

export const rowHash = (entity, { id, owner }) => hashOf({ name: entity.name, id, query: { owner } });

/** found(row): what a search found outside the columns. cameFrom: the hash of the item that the user returns from. */
export function Table({ entity, rows, columns, density, sort, onSort, go, notify, deletions, selection, found, cameFrom }) {
  const body = useRef(null);
  const [peek, setPeek] = useState(null);
  const ids = rows.map(({ key }) => key);
  const actions = useRef({});
  actions.current = {
    open: ({ id, owner }) => go({ name: entity.name, id, query: { owner } }),
    remove(event, { item, owner }) {
      event.stopPropagation(); // a click on the row opens the item
      focusNear(event.currentTarget.closest("tr"));
      deletions.schedule(entity, item, truncate(titleOf(entity, item), 40), { owner });
    },
    select: (event, key) => changeSelection(selection, ids, key, event),
    peek: (event, column, value) => setPeek({ ...column, value, anchor: event.currentTarget }),
    notify,
  };
  useLayoutEffect(() => {
    if (!cameFrom || !rows.length || document.activeElement?.closest("main .items")) return;
    body.current.querySelector(`a[href="${CSS.escape(cameFrom)}"]`)?.focus({ preventScroll: true });
  }, []);
  // Tab stops only at the controls of one row: the last one that had the focus.
  const tabRow = useRef(null);
  const tabThrough = (current) => {
    tabRow.current = current;
    for (const row of body.current.rows) {
      for (const control of row.querySelectorAll("a, input, button")) control.tabIndex = row === current ? 0 : -1;
    }
  };
  useLayoutEffect(() => tabThrough(tabRow.current?.isConnected ? tabRow.current : body.current.rows[0]));
  const head = ({ name, label, kind }, index) => {
    const isSorted = sort?.name === name;
    return html`<th key=${name} role="columnheader" scope="col" class=${index === 0 ? `first ${kind}` : kind}
      aria-sort=${isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}>
      ${isSorted
        ? html`<button type="button" class="sort" title=${sort.isDescending ? "Sort ascending" : "Sort descending"}
            onClick=${onSort}>${label}<${Icon} name=${sort.isDescending ? "down" : "up"} /></button>`
        : html`<${Text} value=${label} limit=${28} />`}
    </th>`;
  };
  return html`<table class=${`items ${density}`} role="table">
    <thead role="rowgroup"><tr role="row">
      ${selection && html`<th role="columnheader" scope="col" class="select"><${SelectAll} ids=${ids}
        selection=${selection} /></th>`}
      ${columns.map(head)}
      <th role="columnheader" scope="col" class="row-actions"><span class="visually-hidden">Actions</span></th>
    </tr></thead>
    <tbody role="rowgroup" ref=${body} onKeyDown=${moveBetweenRows}
      onfocusin=${(event) => tabThrough(event.target.closest("tr"))}>
      ${rows.map((row) => html`<${Row} key=${row.key} row=${row} entity=${entity} columns=${columns} density=${density} actions=${actions}
        isSelected=${selection ? selection.ids.has(row.key) : null} found=${found?.(row) ?? null} />`)}
    </tbody>
  </table>
  ${peek && html`<${Peek} ...${peek} onClose=${() => setPeek(null)} />`}`;
}

// Memoized: a page can have four thousand cells.
function Row({ row, entity, columns, density, actions, isSelected, found }) {
  return useMemo(() => {
    const { item, owner, key } = row;
    const href = rowHash(entity, row);
    const name = titleOf(entity, item).slice(0, 60);
    const open = (event) => {
      const isBusy = event.target.closest("a, button, input, label, [popover]") || String(getSelection());
      if (!isBusy) actions.current.open(row);
    };
    return html`<tr role="row" onClick=${open} aria-selected=${isSelected === null ? undefined : String(isSelected)}>
      ${isSelected !== null && html`<td role="cell" class="select"><label><input type="checkbox"
        aria-label=${`Select ${name}`} checked=${isSelected}
        onClick=${(event) => actions.current.select(event, key)} /></label></td>`}
      ${columns.map((column, index) => {
        const value = column.name === OWNER ? owner : own(item, column.name);
        const cell = html`<${DataCell} value=${value} column=${column} density=${density} actions=${actions}
          isLink=${index === 0} item=${item} href=${href} />`;
        return html`<td key=${column.name} role="cell" data-label=${visibleText(column.label)}
          class=${index === 0 ? `first ${column.kind}` : column.kind}>
          ${cell}${index === 0 && found && html`<small class="found"><${Text} value=${found.label}
            limit=${40} />: <${Text} value=${found.text} /></small>`}
        </td>`;
      })}
      <td role="cell" class="row-actions">
        ${entity.operations.delete && html`<${IconButton} icon="trash" label=${`Delete ${name}`} title="Delete"
          onClick=${(event) => actions.current.remove(event, row)} />`}
      </td>
    </tr>`;
  }, [row.item, row.owner, row.key, entity, columns, density, isSelected, found?.label, found?.text]);
}

function DataCell({ value, column, density, actions, isLink, item, href }) {
  const { name, label, schema, kind } = column;
  const link = (content) => (isLink ? html`<a class="row-link" href=${href}>${content}</a>` : content);
  if (name === "id" || (typeof value === "string" && FORMATS.uuid(value))) return html`<${ShortId} id=${value}
    label=${label} link=${link} notify=${actions.current.notify} />`;
  // The id is the link if there is no text to click on.
  if (isLink && (value === undefined || value === null || value === "")) return link(html`<code>${shortId(item.id)}</code>`);
  const cut = cutText(value, kind, TEXT_LENGTHS[density]);
  if (cut === null) return link(html`<${Cell} value=${value} schema=${isLink && schema.format === "uri" ? {} : schema} />`);
  return html`<span class="cut">
    ${link(html`<span class=${typeof value === "string" ? "" : "mono muted"}><${Text} value=${cut} /></span>`)}
    <button type="button" class="peek-button" aria-label=${`Show all of ${label}`} title="Show all"
      aria-haspopup="dialog" tabindex="-1"
      onClick=${(event) => actions.current.peek(event, column, value)}>…</button>
  </span>`;
}

// null if it fits.
function cutText(value, kind, limit) {
  if (typeof value === "string") {
    if (kind === "time" || kind === "date" || (value.length <= limit && !value.trim().includes("\n"))) return null;
    return truncate(value.trim().replace(/\s+/g, " "), limit);
  }
  if (value === undefined || value === null || isNumber(value) || typeof value === "boolean") return null;
  if (Array.isArray(value) && value.every((element) => typeof element === "string")) {
    const text = value.join(", ");
    return text.length > limit ? truncate(text, limit) : null;
  }
  const isEmpty = (isObject(value) ? Object.keys(value) : value).length === 0;
  return isEmpty ? null : truncate(summaryOf(value), STRUCTURE_LENGTH);
}

function summaryOf(value) {
  if (Array.isArray(value)) return `${value.length} × ${isObject(value[0]) ? Object.keys(value[0]).map(labelOf).join(", ") : stringify(value[0])}`;
  return Object.entries(value)
    .map(([name, each]) => `${labelOf(name)}: ${typeof each === "string" ? each : (stringify(each) ?? "")}`)
    .join(", ");
}

function ShortId({ id, label, link, notify }) {
  return html`<span class="short-id" title=${id}>${link(html`<code>${shortId(id)}</code>`)}
    <${CopyButton} compact text=${() => id} tabindex="-1" label=${`Copy ${label} ${shortId(id)}`} notify=${notify} /></span>`;
}

function Peek({ label, schema, value, anchor, onClose }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const { current } = box;
    current.showPopover();
    const [at, size] = [anchor.getBoundingClientRect(), current.getBoundingClientRect()];
    const below = at.bottom + 6;
    current.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
    current.style.top = `${below + size.height <= innerHeight - 8 ? below : Math.max(8, at.top - size.height - 6)}px`;
    current.focus();
  }, [anchor]);
  const onToggle = (event) => {
    if (event.newState !== "closed") return;
    onClose();
    if (document.activeElement === document.body || box.current?.contains(document.activeElement)) anchor.focus();
  };
  return html`<div popover="auto" class="peek" role="dialog" aria-label=${label} tabindex="-1" ref=${box} onToggle=${onToggle}>
    <strong><${Text} value=${label} limit=${60} /></strong>
    <div class="peek-value"><${Value} value=${value} schema=${schema} /></div>
  </div>`;
}

function moveBetweenRows(event) {
  if (!["ArrowUp", "ArrowDown", "Home", "End"].includes(event.key) || !event.target.matches("a, input, button") || event.altKey || event.metaKey || event.ctrlKey) return;
  const row = event.target.closest("tr");
  const rows = [...row.parentElement.rows];
  const place = { ArrowUp: row.rowIndex - 2, ArrowDown: row.rowIndex, Home: 0, End: rows.length - 1 }[event.key];
  const next = rows[place];
  if (!next) return;
  event.preventDefault();
  const same = [...row.querySelectorAll("a, input, button")].indexOf(event.target);
  const kind = event.target.matches("input") ? "input" : same >= 0 && event.target.matches("a.row-link") ? "a.row-link" : "a.row-link, a, button";
  next.querySelector(kind)?.focus();
}

// The focused button disappears: focus a neighbour.
function focusNear(row) {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  if (neighbour) neighbour.querySelector("a").focus();
  else focusHeading();
}

function changeSelection(selection, ids, id, { target, shiftKey }) {
  const from = shiftKey ? ids.indexOf(selection.last) : -1;
  const here = ids.indexOf(id);
  const range = from < 0 ? [id] : ids.slice(Math.min(from, here), Math.max(from, here) + 1);
  const next = new Set(selection.ids);
  for (const each of range) target.checked ? next.add(each) : next.delete(each);
  selection.last = id;
  selection.onChange(next);
}

function SelectAll({ ids, selection }) {
  const chosen = ids.filter((id) => selection.ids.has(id)).length;
  const change = ({ target }) => {
    const next = new Set(selection.ids);
    for (const id of ids) target.checked ? next.add(id) : next.delete(id);
    selection.onChange(next);
  };
  return html`<label><input type="checkbox" aria-label="Select all that are shown" checked=${chosen > 0 && chosen === ids.length}
    indeterminate=${chosen > 0 && chosen < ids.length} onClick=${change} /></label>`;
}

export function Skeleton({ rows = SKELETON_ROWS, label }) {
  return html`<div class="table-frame skeleton" aria-busy="true" role="status" aria-label=${label}>
    ${Array.from({ length: Math.min(rows, SKELETON_ROWS) }, (_, index) => html`<div key=${index}
      aria-hidden="true"><i /><i /><i /><i /></div>`)}
  </div>`;
}

const OWNER = "+owner"; // the column of owners, which are not a property
const SERVERS_LABELS = { [OWNER]: "Owner", id: "ID", createdAt: "Created", updatedAt: "Updated", version: "Version" };
const SERVERS_SCHEMAS = { createdAt: { format: "date-time" }, updatedAt: { format: "date-time" }, version: { type: "integer" } };
const MANY = 12;

// In rem, about.
const WIDTHS = { boolean: 5, date: 7.5, id: 8, long: 14, number: 5.5, option: 7, structure: 12, text: 9.5, time: 9.7 };
const FIRST_WIDTH = 12;
const OTHER_WIDTH = 3.5; // of the buttons
const LEAST_ROOM = 59; // in a window of 1280 pixels

function kindOf(name, schema) {
  if (schema.format === "date-time") return "time";
  if (name === "id" || schema.format === "uuid") return "id";
  if (schema.format === "date") return "date";
  if (schema.enum) return "option";
  if (["integer", "number"].includes(schema.type)) return "number";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "array" || schema.type === "object") return "structure";
  return schema.maxLength > 1000 ? "long" : "text";
}

function kindOfValues(values) {
  const kinds = values.filter((value) => value !== undefined && value !== null).map((value) => (isNumber(value) ? "number" : typeof value));
  const kind = new Set(kinds).size === 1 ? kinds[0] : "string";
  return { boolean: "boolean", number: "number", object: "structure" }[kind] ?? "text";
}

/** items: a sample, for properties without a schema. */
export function allColumns(entity, items, hasOwners) {
  const schemas = new Map(entity.properties.map(({ name, schema }) => [name, schema]));
  const required = new Set(entity.properties.filter((property) => property.required).map(({ name }) => name));
  for (const name of items.flatMap(Object.keys)) {
    if (!schemas.has(name) && !SERVERS_OWN.includes(name)) schemas.set(name, own(entity.item.properties ?? {}, name) ?? {});
  }
  // The item's title comes first, since it is the link to the item.
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

function usualColumns(columns, hasOwners, room = Math.max(LEAST_ROOM, (innerWidth - 336) / 16)) {
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

const settings = createStore("localStorage", "columns:");

/** choose({names, density}): null for the usual names. */
export function useColumns(entity, columns, hasOwners) {
  const key = `${document.body.dataset.name}:${entity.name}`;
  const [chosen, setChosen] = useState(() => settings.get(key) ?? { names: null, density: "comfortable" });
  const byName = new Map(columns.map((column) => [column.name, column]));
  const usual = usualColumns(columns, hasOwners);
  const names = (chosen.names ?? usual).filter((name) => byName.has(name));
  const choose = (changes) => {
    const next = { ...chosen, ...changes };
    setChosen(next);
    settings.set(key, next.names || next.density === "compact" ? next : null);
  };
  return {
    columns,
    shown: (names.length ? names : usual).map((name) => byName.get(name)),
    isUsual: chosen.names === null,
    density: chosen.density,
    choose,
  };
}

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
  // The pressed button moves with its row, or is disabled.
  const step = (event, name, by) => {
    const place = names.indexOf(name) + by;
    const { parentElement } = event.currentTarget;
    move(name, place);
    setTimeout(() => parentElement.querySelector(by < 0 ? "button:enabled" : "button:last-child:enabled, button:enabled")?.focus());
  };
  return html`<${Dialog} title="Columns" onClose=${onClose}>
    <div class="dialog-body chooser">
      <${Choice} label="Row height" value=${density} onChange=${(next) => choose({ density: next })}
        options=${[["comfortable", "Comfortable"], ["compact", "Compact"]]} />
      ${columns.length > MANY && html`<label><span class="visually-hidden">Find a column</span>
        <input type="search" placeholder=${`Find one of ${columns.length} columns`} autocomplete="off" value=${text}
          onInput=${(event) => setText(event.target.value)} />
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
            <label><input type="checkbox" checked=${isShown} disabled=${isShown && names.length === 1}
              onChange=${() => toggle(name)} />
              <${Text} value=${label} limit=${60} /></label>
            ${isShown && html`<span class="moves">
              <${IconButton} icon="up" label=${`Move ${label} up`} disabled=${place === 0}
                onClick=${(event) => step(event, name, -1)} />
              <${IconButton} icon="down" label=${`Move ${label} down`} disabled=${place === names.length - 1}
                onClick=${(event) => step(event, name, 1)} />
            </span>`}
          </li>`;
        })}
      </ul>
      ${listed.length === 0 && html`<p class="hint">No column matches.</p>`}
    </div>
    <footer class="buttons">
      <${Button} disabled=${isUsual} onClick=${() => choose({ names: null })}>Reset<//>
      ${hidden.length > 0 && html`<${Button} onClick=${() => choose({ names: [...names, ...hidden.map(({ name }) => name)] })}>Show all<//>`}
      <${Button} kind="button primary" onClick=${onClose}>Done<//>
    </footer>
  <//>`;
}
