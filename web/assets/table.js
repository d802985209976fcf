// An entity's items as a table.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { NeedsAccess, wantsAccess } from "./access.js";
import { SERVERS_OWN } from "./contract.js";
import { curl } from "./curl.js";
import { Filters } from "./filters.js";
import { titleOf } from "./item.js";
import { own } from "./json.js";
import { isSigned } from "./model.js";
import { NEW, hashOf } from "./route.js";
import { cut, labelOf, visible } from "./text.js";
import { CopyButton, Empty, Icon, Page, Problem, Text } from "./ui.js";
import { Cell } from "./value.js";

const MOST_COLUMNS = 8;
const SIZES = [25, 50, 100];

export function EntityView(props) {
  const { entity, api, session, route, go, notify, deletions, views } = props;
  const { create, list } = entity.operations;
  const query = queryOf(entity, route);
  const { answer, loading, load } = useList({ api, list, query, session });
  useDeletions(deletions);

  const change = (changes, options) => {
    go({ ...route, query: { ...route.query, cursor: undefined, ...changes } }, options);
  };
  const actions = html`
    ${views && html`<a class="button" href=${views.list}><${Icon} name="list" />List</a>`}
    ${list && html`<button type="button" class="icon-button" aria-label="Reload" title="Reload" onClick=${load}><${Icon} name="refresh" /></button>`}
    ${list && !isSigned(list) && html`<${CopyButton} compact icon="code" label="Copy as curl" notify=${notify} text=${() => curl(api.request(list, { query }))} />`}
    ${create && html`<a class="button primary" href=${hashOf({ name: entity.name, id: NEW })}><${Icon} name="plus" />New</a>`}
  `;
  if (!list) {
    return html`<${Page} title=${entity.label} actions=${actions}>
      <${Empty} title="This API does not list these"><${OpenById} entity=${entity} go=${go} /><//>
    <//>`;
  }
  return html`<${Page} title=${entity.label} actions=${actions}>
    ${entity.filters.length > 0 && html`<${Filters} entity=${entity} query=${route.query} onChange=${change} />`}
    ${!answer
      ? html`<div class="card waiting" aria-busy="true"></div>`
      : wantsAccess(answer, list)
        ? html`<${NeedsAccess} operation=${list} session=${session} answer=${answer} />`
        : answer.problem
          ? html`<${Problem} problem=${answer.problem} retry=${load} />`
          : html`<${Items} ...${props} answer=${answer} loading=${loading} query=${query} change=${change} />`}
  <//>`;
}

// What the list is asked for: as the address says, newest first if it says nothing. The address is anyone's, so nothing
// that the page does not offer, such as `fields`, goes with it.
function queryOf(entity, route) {
  const filter = entity.filters.find(({ name }) => route.query[name] !== undefined);
  const byTime = (filter?.sort ?? "createdAt") === "createdAt";
  const offered = ["cursor", "limit", "order", ...entity.filters.flatMap(({ name, bounds }) => [name, ...bounds.map((bound) => bound.name)])];
  const given = Object.entries(route.query).filter(([name]) => offered.includes(name));
  return { ...(entity.ordered && byTime ? { order: "desc" } : {}), ...Object.fromEntries(given) };
}

function useList({ api, list, query, session }) {
  const [state, setState] = useState({ answer: null, loading: false });
  const asked = useRef(null);
  const load = async () => {
    if (!list) return;
    asked.current?.abort();
    const control = new AbortController();
    asked.current = control;
    setState(({ answer }) => ({ answer, loading: true }));
    const answer = await api.call(list, { query, signal: control.signal });
    if (asked.current === control) setState({ answer, loading: false });
  };
  const again = useRef(load);
  again.current = load;
  useEffect(() => {
    load();
  }, [JSON.stringify(query)]);
  useEffect(() => session.subscribe(() => again.current()), [session]);
  useEffect(() => () => asked.current?.abort(), []);
  return { ...state, load };
}

function useDeletions(deletions) {
  const [, draw] = useState(0);
  useEffect(() => deletions.subscribe(() => draw((drawn) => drawn + 1)), [deletions]);
}

function Items({ entity, route, go, deletions, answer, loading, query, change }) {
  const items = answer.data.items.filter((item) => !deletions.has(entity, item));
  const rows = { size: query.limit, preset: String(entity.limit.default) };
  const pager = html`<${Pager} ...${rows} route=${route} next=${answer.data.next} change=${change} go=${go} />`;
  if (!items.length) {
    const narrowed = entity.filters.some(({ name }) => route.query[name] !== undefined);
    if (narrowed || answer.data.next || route.query.cursor) {
      return html`<${Empty} icon="search" title="Nothing here">
        ${narrowed && html`<p>No item meets the filter.</p>
          <button type="button" class="button" onClick=${() => go({ ...route, query: {} })}>Show all</button>`}
      <//>${(answer.data.next || route.query.cursor) && pager}`;
    }
    return html`<${Empty} title=${`No ${entity.label.toLowerCase()} yet`}>
      ${entity.operations.create && html`<a class="button primary" href=${hashOf({ name: entity.name, id: NEW })}>
        <${Icon} name="plus" />Make the first
      </a>`}
    <//>`;
  }
  return html`
    <div class=${`table-frame${loading ? " loading" : ""}`} aria-busy=${loading ? "true" : "false"}
      tabindex="0" role="region" aria-label=${entity.label}>
      <${Table} entity=${entity} items=${items} query=${query} change=${change} go=${go} deletions=${deletions} />
    </div>
    ${pager}
  `;
}

function Table({ entity, items, query, change, go, deletions }) {
  const columns = useMemo(() => shownColumns(entity, items), [entity, items]);
  const filter = entity.filters.find(({ name }) => query[name] !== undefined);
  const sort = filter ? filter.sort : "createdAt";
  const sortable = entity.ordered || Boolean(filter);
  const { delete: removal } = entity.operations;
  const head = ({ name, label = labelled(name) }) => {
    const sorts = sortable && name === sort;
    const descending = query.order === "desc";
    return html`<th key=${name} role="columnheader" scope="col" aria-sort=${sorts ? (descending ? "descending" : "ascending") : undefined}>
      ${sorts
        ? html`<button type="button" class="sort" title=${descending ? "Show the first ones first" : "Show the last ones first"}
            onClick=${() => change({ order: descending ? "asc" : "desc" })}>${label}<${Icon} name=${descending ? "down" : "up"} /></button>`
        : html`<${Text} value=${label} limit=${40} />`}
    </th>`;
  };
  return html`<table class="items" role="table">
    <thead role="rowgroup"><tr role="row">
      ${columns.map(head)} ${head({ name: "createdAt" })}
      <th role="columnheader" scope="col"><span class="visually-hidden">Actions</span></th>
    </tr></thead>
    <tbody role="rowgroup">
      ${items.map((item) => {
        const href = hashOf({ name: entity.name, id: item.id });
        const remove = (event) => {
          event.stopPropagation(); // the row would open what is being deleted
          focusNear(event.currentTarget.closest("tr"));
          deletions.remove(entity, item, cut(title, 40));
        };
        const open = (event) => {
          const busy = event.target.closest("a, button") || String(getSelection());
          if (!busy) go({ name: entity.name, id: item.id });
        };
        const title = titleOf(entity, item);
        return html`<tr key=${item.id} role="row" onClick=${open}>
          ${columns.map(({ name, label = labelled(name), schema }, index) => html`<td key=${name} role="cell" data-label=${visible(label)} class=${kindOf(schema)}>
            ${index === 0
              ? html`<a class="row-link" href=${href}><${FirstCell} item=${item} name=${name} schema=${schema} /></a>`
              : html`<${Cell} value=${own(item, name)} schema=${schema} />`}
          </td>`)}
          <td role="cell" data-label="Created" class="time"><${Cell} value=${item.createdAt} schema=${{ format: "date-time" }} /></td>
          <td role="cell" class="row-actions">
            ${removal && html`<button type="button" class="icon-button" aria-label=${`Delete ${title.slice(0, 60)}`} title="Delete"
              onClick=${remove}><${Icon} name="trash" /></button>`}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

// As the button in the row goes: to the next row, the one before the last, or the heading.
function focusNear(row) {
  const near = row.nextElementSibling ?? row.previousElementSibling;
  (near?.querySelector("a") ?? document.querySelector("main h1")).focus();
}

// The link to the item: by the id where there is no text to click on.
function FirstCell({ item, name, schema }) {
  const value = own(item, name);
  if (name === "id" || value === undefined || value === null || value === "") return html`<code>${item.id}</code>`;
  return html`<${Cell} value=${value} schema=${{ ...schema, format: schema.format === "uri" ? undefined : schema.format }} />`;
}

const labelled = (name) => (name === "createdAt" ? "Created" : labelOf(name));

const kindOf = (schema) => (["integer", "number"].includes(schema.type) ? "number" : "");

// By the schema; where it names no properties, by the items themselves.
function shownColumns(entity, items) {
  if (entity.columns.length) return entity.columns.slice(0, MOST_COLUMNS);
  const names = new Set(items.flatMap(Object.keys).filter((name) => !SERVERS_OWN.includes(name)));
  const others = [...names].slice(0, MOST_COLUMNS - 1).map((name) => ({ name, label: name, schema: {} }));
  return [{ name: "id", schema: { type: "string" } }, ...others];
}

// Cursors lead forward only: the ones that led here are remembered, those of another visit are not.
function Pager({ route, next, size, preset, change, go }) {
  const trail = useRef([undefined]);
  const { cursor } = route.query;
  const place = trail.current.indexOf(cursor);
  if (place === 0 && !next && !size) return null;
  const forward = () => {
    trail.current = [...trail.current.slice(0, place + 1), next];
    go({ ...route, query: { ...route.query, cursor: next } });
  };
  const back = () => go({ ...route, query: { ...route.query, cursor: trail.current[place - 1] } });
  return html`<nav class="pager" aria-label="Pages">
    <label class="page-size">Rows
      <select value=${size ?? preset} onChange=${(event) => change({ limit: event.target.value })}>
        ${SIZES.map((each) => html`<option key=${each} value=${String(each)} selected=${String(each) === (size ?? preset)}>${each}</option>`)}
      </select>
    </label>
    <span class="muted">${place >= 0 ? `Page ${place + 1}` : ""}</span>
    ${place < 0
      ? html`<button type="button" class="button" onClick=${() => change({})}>First page</button>`
      : html`<button type="button" class="button" disabled=${place === 0} onClick=${back}><${Icon} name="back" />Previous</button>`}
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
