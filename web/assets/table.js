// An entity's items as a table.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { NeedsAccess, isAccessDenied } from "./access.js";
import { SERVERS_OWN } from "./contract.js";
import { curl } from "./curl.js";
import { Filters } from "./filters.js";
import { own } from "./json.js";
import { isSigned, titleOf } from "./model.js";
import { NEW, hashOf } from "./route.js";
import { labelOf, truncate, visibleText } from "./text.js";
import { CopyButton, EmptyState, Icon, Page, Problem, Text } from "./ui.js";
import { Cell } from "./value.js";

const MAX_COLUMNS = 8;
const PAGE_SIZES = [25, 50, 100];

/**
 * The page of an entity's items.
 *
 * selection: {ids: Set, onChange(Set)}, of the rows' ids, for a column of checkboxes; none without it. toolbar: of a list that was read,
 * {items, query, next, reload}, returns what is above its table.
 */
export function EntityView(props) {
  const { entity, api, session, route, go, notify, deletions, views, toolbar } = props;
  const { create, list } = entity.operations;
  const query = queryOf(entity, route);
  const { answer, loading, load } = useList({ api, list, query, session });
  useDeletions(deletions);

  const changeQuery = (changes, options) => {
    go({ ...route, query: { ...route.query, cursor: undefined, ...changes } }, options);
  };
  const actions = html`
    ${views && html`<a class="button" href=${views.list}><${Icon} name="list" />List</a>`}
    ${list && html`<button type="button" class="icon-button" aria-label="Reload" title="Reload" onClick=${load}><${Icon} name="refresh" /></button>`}
    ${list && !isSigned(list) && html`<${CopyButton} compact icon="code" label="Copy as curl" notify=${notify} text=${() => curl(api.buildRequest(list, { query }))} />`}
    ${create && html`<a class="button primary" href=${hashOf({ name: entity.name, id: NEW })}><${Icon} name="plus" />New</a>`}
  `;
  if (!list) {
    return html`<${Page} title=${entity.label} actions=${actions}>
      <${EmptyState} title="This API does not list these"><${OpenById} entity=${entity} go=${go} /><//>
    <//>`;
  }
  return html`<${Page} title=${entity.label} actions=${actions}>
    ${entity.filters.length > 0 && html`<${Filters} entity=${entity} query=${route.query} onChange=${changeQuery} />`}
    ${!answer
      ? html`<div class="card waiting" aria-busy="true"></div>`
      : isAccessDenied(answer, list)
        ? html`<${NeedsAccess} operation=${list} session=${session} answer=${answer} />`
        : answer.problem
          ? html`<${Problem} problem=${answer.problem} retry=${load} />`
          : html`
            ${toolbar?.({ items: shownItems(entity, answer, deletions), query, next: answer.data.next, reload: load })}
            <${Items} ...${props} answer=${answer} loading=${loading} query=${query} change=${changeQuery} />
          `}
  <//>`;
}

// What the list is asked for: as the address says, newest first if it says nothing. The address is anyone's, so nothing
// that the page does not offer, such as `fields`, goes with it.
function queryOf(entity, route) {
  const filter = entity.filters.find(({ name }) => route.query[name] !== undefined);
  const byTime = (filter?.sort ?? "createdAt") === "createdAt";
  const supported = ["cursor", "limit", "order", ...entity.filters.flatMap(({ name, bounds }) => [name, ...bounds.map((bound) => bound.name)])];
  const requested = Object.entries(route.query).filter(([name]) => supported.includes(name));
  return { ...(entity.isOrdered && byTime ? { order: "desc" } : {}), ...Object.fromEntries(requested) };
}

function useList({ api, list, query, session }) {
  const [state, setState] = useState({ answer: null, loading: false });
  const running = useRef(null);
  const load = async () => {
    if (!list) return;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState(({ answer }) => ({ answer, loading: true }));
    const answer = await api.call(list, { query, signal: controller.signal });
    if (running.current === controller) setState({ answer, loading: false });
  };
  const latestLoad = useRef(load);
  latestLoad.current = load;
  useEffect(() => {
    load();
  }, [JSON.stringify(query)]);
  useEffect(() => session.onCallerChange(() => latestLoad.current()), [session]);
  useEffect(() => () => running.current?.abort(), []);
  return { ...state, load };
}

function useDeletions(deletions) {
  const [, draw] = useState(0);
  useEffect(() => deletions.subscribe(() => draw((drawn) => drawn + 1)), [deletions]);
}

const shownItems = (entity, answer, deletions) => answer.data.items.filter((item) => !deletions.has(entity, item));

function Items({ entity, route, go, deletions, selection, answer, loading, query, change }) {
  const items = shownItems(entity, answer, deletions);
  const pageSize = { size: query.limit, defaultSize: String(entity.limit.default) };
  const pager = html`<${Pager} ...${pageSize} route=${route} next=${answer.data.next} change=${change} go=${go} />`;
  if (!items.length) {
    const isFiltered = entity.filters.some(({ name }) => route.query[name] !== undefined);
    if (isFiltered || answer.data.next || route.query.cursor) {
      return html`<${EmptyState} icon="search" title="Nothing here">
        ${isFiltered && html`<p>No item meets the filter.</p>
          <button type="button" class="button" onClick=${() => go({ ...route, query: {} })}>Show all</button>`}
      <//>${(answer.data.next || route.query.cursor) && pager}`;
    }
    return html`<${EmptyState} title=${`No ${entity.label.toLowerCase()} yet`}>
      ${entity.operations.create && html`<a class="button primary" href=${hashOf({ name: entity.name, id: NEW })}>
        <${Icon} name="plus" />Make the first
      </a>`}
    <//>`;
  }
  return html`
    <div class=${`table-frame${loading ? " loading" : ""}`} aria-busy=${loading ? "true" : "false"}
      tabindex="0" role="region" aria-label=${entity.label}>
      <${Table} entity=${entity} items=${items} query=${query} change=${change} go=${go} deletions=${deletions} selection=${selection} />
    </div>
    ${pager}
  `;
}

function Table({ entity, items, query, change, go, deletions, selection }) {
  const columns = useMemo(() => shownColumns(entity, items), [entity, items]);
  const filter = entity.filters.find(({ name }) => query[name] !== undefined);
  const sort = filter ? filter.sort : "createdAt";
  const sortable = entity.isOrdered || Boolean(filter);
  const { delete: deleteOperation } = entity.operations;
  const headerCell = ({ name, label = columnLabel(name) }) => {
    const isSorted = sortable && name === sort;
    const descending = query.order === "desc";
    return html`<th key=${name} role="columnheader" scope="col" aria-sort=${isSorted ? (descending ? "descending" : "ascending") : undefined}>
      ${isSorted
        ? html`<button type="button" class="sort" title=${descending ? "Show the first ones first" : "Show the last ones first"}
            onClick=${() => change({ order: descending ? "asc" : "desc" })}>${label}<${Icon} name=${descending ? "down" : "up"} /></button>`
        : html`<${Text} value=${label} limit=${40} />`}
    </th>`;
  };
  return html`<table class="items" role="table">
    <thead role="rowgroup"><tr role="row">
      ${selection && html`<th role="columnheader" scope="col" class="select"><${SelectAll} ids=${items.map(({ id }) => id)} selection=${selection} /></th>`}
      ${columns.map(headerCell)} ${headerCell({ name: "createdAt" })}
      <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
    </tr></thead>
    <tbody role="rowgroup">
      ${items.map((item) => {
        const href = hashOf({ name: entity.name, id: item.id });
        const remove = (event) => {
          event.stopPropagation(); // the row would open what is being deleted
          focusNear(event.currentTarget.closest("tr"));
          deletions.schedule(entity, item, truncate(title, 40));
        };
        const open = (event) => {
          const isBusy = event.target.closest("a, button, input, label") || String(getSelection());
          if (!isBusy) go({ name: entity.name, id: item.id });
        };
        const title = titleOf(entity, item);
        return html`<tr key=${item.id} role="row" onClick=${open} aria-selected=${selection ? String(selection.ids.has(item.id)) : undefined}>
          ${selection && html`<td role="cell" class="select"><${Select} id=${item.id} ids=${items.map(({ id }) => id)} selection=${selection}
            label=${`Select ${title.slice(0, 60)}`} /></td>`}
          ${columns.map(({ name, label = columnLabel(name), schema }, index) => html`<td key=${name} role="cell" data-label=${visibleText(label)} class=${index === 0 ? `first ${kindOf(schema)}` : kindOf(schema)}>
            ${index === 0
              ? html`<a class="row-link" href=${href}><${FirstCell} item=${item} name=${name} schema=${schema} /></a>`
              : html`<${Cell} value=${own(item, name)} schema=${schema} />`}
          </td>`)}
          <td role="cell" data-label="Created" class="time"><${Cell} value=${item.createdAt} schema=${{ format: "date-time" }} /></td>
          <td role="cell" class="row-actions">
            ${deleteOperation && html`<button type="button" class="icon-button" aria-label=${`Delete ${title.slice(0, 60)}`} title="Delete"
              onClick=${remove}><${Icon} name="trash" /></button>`}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

// The whole cell is the label: a checkbox alone is hard to hit.
function Select({ id, ids, selection, label }) {
  const change = ({ target, shiftKey }) => {
    const from = shiftKey ? ids.indexOf(selection.last) : -1;
    const here = ids.indexOf(id);
    const range = from < 0 ? [id] : ids.slice(Math.min(from, here), Math.max(from, here) + 1);
    const next = new Set(selection.ids);
    for (const each of range) target.checked ? next.add(each) : next.delete(each);
    selection.last = id;
    selection.onChange(next);
  };
  return html`<label><input type="checkbox" aria-label=${label} checked=${selection.ids.has(id)} onClick=${change} /></label>`;
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

// As the button in the row goes: to the next row, the one before the last, or the heading.
function focusNear(row) {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  (neighbour?.querySelector("a") ?? document.querySelector("main h1")).focus();
}

// The link to the item: by the id where there is no text to click on.
function FirstCell({ item, name, schema }) {
  const value = own(item, name);
  if (name === "id" || value === undefined || value === null || value === "") return html`<code>${item.id}</code>`;
  return html`<${Cell} value=${value} schema=${{ ...schema, format: schema.format === "uri" ? undefined : schema.format }} />`;
}

const columnLabel = (name) => (name === "createdAt" ? "Created" : labelOf(name));

const kindOf = (schema) => (["integer", "number"].includes(schema.type) ? "number" : "");

// By the schema; where it names no properties, by the items themselves.
function shownColumns(entity, items) {
  if (entity.properties.length) return entity.properties.slice(0, MAX_COLUMNS);
  const names = new Set(items.flatMap(Object.keys).filter((name) => !SERVERS_OWN.includes(name)));
  const others = [...names].slice(0, MAX_COLUMNS - 1).map((name) => ({ name, label: name, schema: {} }));
  return [{ name: "id", schema: { type: "string" } }, ...others];
}

// Cursors lead forward only: the ones that led here are remembered, those of another visit are not.
function Pager({ route, next, size, defaultSize, change, go }) {
  const cursors = useRef([undefined]);
  const { cursor } = route.query;
  const pageIndex = cursors.current.indexOf(cursor);
  if (pageIndex === 0 && !next && !size) return null;
  const forward = () => {
    cursors.current = [...cursors.current.slice(0, pageIndex + 1), next];
    go({ ...route, query: { ...route.query, cursor: next } });
  };
  const back = () => go({ ...route, query: { ...route.query, cursor: cursors.current[pageIndex - 1] } });
  return html`<nav class="pager" aria-label="Pages">
    <label class="page-size">Rows
      <select value=${size ?? defaultSize} onChange=${(event) => change({ limit: event.target.value })}>
        ${PAGE_SIZES.map((each) => html`<option key=${each} value=${String(each)} selected=${String(each) === (size ?? defaultSize)}>${each}</option>`)}
      </select>
    </label>
    <span class="muted">${pageIndex >= 0 ? `Page ${pageIndex + 1}` : ""}</span>
    ${pageIndex < 0
      ? html`<button type="button" class="button" onClick=${() => change({})}>First page</button>`
      : html`<button type="button" class="button" disabled=${pageIndex === 0} onClick=${back}><${Icon} name="back" />Previous</button>`}
    <button type="button" class="button" disabled=${!next} onClick=${forward}>Next<${Icon} name="forward" /></button>
  </nav>`;
}

function OpenById({ entity, go }) {
  const [id, setId] = useState("");
  if (!entity.operations.get) return null;
  const open = (event) => {
    event.preventDefault();
    if (id.trim()) go({ name: entity.name, id: id.trim() });
  };
  return html`<form class="with-button" onSubmit=${open}>
    <label class="visually-hidden" for="open">ID</label>
    <input id="open" placeholder="ID" value=${id} onInput=${(event) => setId(event.target.value)} />
    <button class="button">Open</button>
  </form>`;
}
