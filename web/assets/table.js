// The page of an entity's items: search, filters, table, and pages.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { curl } from "./api.js";
import { ColumnChooser, Skeleton, Table, allColumns, rowsOf, useColumns } from "./grid.js";
import { own, queryText } from "./json.js";
import { SEARCH_STEP, foundElsewhere, isMatch, listKey, readSearch, usePage, useSearchedItems } from "./list.js";
import { isId, isSigned } from "./model.js";
import { NEW, currentStep, cursorsOf, hashOf, keepCursors, keepPosition, ownParameter, positionOf } from "./place.js";
import { FORMATS } from "./rules.js";
import { NeedsAccess, isAccessDenied } from "./session.js";
import { countText, labelOf, timeText, truncate } from "./text.js";
import { Button, Choice, CopyButton, EmptyState, Icon, IconButton, Page, Problem, Select, SmallForm, plainText, useChanges, useKeys, useTyped } from "./ui.js";

const PAGE_SIZES = ["25", "50", "100"];
const SEARCH_PAUSE_MS = 250; // after the last key
const SAMPLE = 100;

/** toolbar(list): renders the bar above it. */
export function EntityView(props) {
  const { entity, api, session, route, go, notify, deletions, views, toolbar } = props;
  const { create, list } = entity.operations;
  useChanges(session.onChange);
  const canCreate = create && !session.missingAccess(create.security);
  useChanges(deletions.subscribe);
  const searchName = ownParameter(entity, "search");
  const pageName = ownParameter(entity, "page");
  const text = route.query[searchName] ?? "";
  const conditions = useMemo(() => readSearch(text), [text]);
  const isSearching = Boolean(list) && conditions.length > 0;
  const query = queryOf(entity, route);
  const page = usePage({ api, entity, query, session, isPaused: isSearching });
  const searchQuery = isSearching ? { ...query, limit: undefined, cursor: undefined } : null;
  const searched = useSearchedItems({ api, entity, query: searchQuery, session });
  const direct = useItemById({ api, entity, id: isSearching && FORMATS.uuid(text.trim()) ? text.trim() : null, owner: query.owner });
  const [isChoosing, setChoosing] = useState(false);

  const { answer, loading } = page;
  const data = isSearching ? { items: searched.items, owners: searched.owners, next: null } : answer?.data;
  const hasOwners = Boolean(data?.owners);
  const allRows = useMemo(() => (data ? rowsOf(data.items, data.owners) : []), [data?.items, data?.owners]);
  const foundRows = useMemo(() => {
    if (!isSearching) return allRows;
    const matching = allRows.filter(({ item, owner }) => isMatch(item, conditions, owner));
    return direct ? [direct, ...matching.filter(({ key }) => key !== direct.key)] : matching;
  }, [allRows, isSearching && conditions, direct]);
  const rows = foundRows.filter(({ item, owner }) => !deletions.has(entity, item, { owner }));
  const sample = useMemo(() => allRows.slice(0, SAMPLE).map(({ item }) => item), [isSearching ? allRows.length >= SAMPLE : allRows]);
  const columns = useColumns(entity, useMemo(() => allColumns(entity, sample, hasOwners), [entity, sample, hasOwners]), hasOwners);

  const changeQuery = (changes, options) => {
    if (options?.replace) keepPosition(currentStep(), { top: 0 }); // other rows begin at the top
    go({ ...route, query: { ...route.query, cursor: undefined, [pageName]: undefined, ...changes } }, options);
  };
  const reload = isSearching ? searched.renew : page.load;
  const newItem = hashOf({ name: entity.name, id: NEW, query: { owner: query.owner } });
  const actions = html`
    ${views && html`<a class="button" href=${views.list}><${Icon} name="list" />List</a>`}
    ${list && html`<${IconButton} icon="columns" label="Columns" aria-haspopup="dialog" onClick=${() => setChoosing(true)} />`}
    ${list && html`<${IconButton} icon="refresh" label="Reload" onClick=${reload} />`}
    ${list && !isSigned(list) && html`<${CopyButton} compact icon="code" label="Copy as curl" notify=${notify}
      text=${() => curl(api.buildRequest(list, { query }))} />`}
    ${canCreate && html`<a class="button primary" href=${newItem}><${Icon} name="plus" />New</a>`}
  `;
  if (!list) {
    return html`<${Page} title=${entity.label} actions=${actions}>
      <${EmptyState} title="These items cannot be listed">${entity.operations.get && html`<${SmallForm} id="open" label="ID" button="Open" onSend=${(id) => go({ name: entity.name, id })} />`}<//>
    <//>`;
  }
  const isFailed = isSearching && searched.problem && !searched.items.length;
  const refusal = isSearching ? searched.problem : answer?.problem && answer;
  const content = () => {
    if (refusal && isAccessDenied(refusal, list)) return html`<${NeedsAccess} operation=${list} session=${session} answer=${refusal} />`;
    if (!isSearching && !answer) return html`<${Skeleton} rows=${Number(query.limit ?? entity.limit.default)}
      label=${`Loading ${entity.label}`} />`;
    if (isFailed) return html`<${Problem} problem=${refusal.problem} retry=${searched.readOn} />`;
    if (!isSearching && answer.problem) return html`<${Problem} problem=${answer.problem} retry=${page.load} />`;
    const isKnown = isSearching || page.key === listKey(entity, query);
    const common = { ...props, query, columns, conditions, isSearching, pageName, change: changeQuery, reload };
    return html`
      ${page.failure && !isSearching && html`<${Stale} failure=${page.failure} at=${page.at} retry=${page.load} />`}
      ${toolbar?.({ items: rows.map(({ item }) => item), rows, query, search: isSearching ? text : "", next: data.next, reload })}
      ${isSearching
        ? html`<${Found} ...${common} rows=${rows} searched=${searched} />`
        : html`<${Items} ...${common} rows=${rows} next=${data.next} loading=${loading} isKnown=${isKnown}
          newItem=${canCreate && newItem} />`}
    `;
  };
  return html`<${Page} title=${entity.label} actions=${actions} isTable>
    <div class="toolbar filters">
      <${SearchBox} text=${text} entity=${entity} go=${go}
        onChange=${(next, options) => changeQuery({ [searchName]: next || undefined }, options)} />
      <${Filters} entity=${entity} query=${route.query} onChange=${changeQuery} seesAll=${hasOwners} />
    </div>
    ${isSearching && !isFailed && html`<${SearchStatus} entity=${entity} text=${text} searched=${searched} count=${rows.length}
      hasDirect=${Boolean(direct)} isFiltered=${isFiltered(entity, query)} />`}
    ${content()}
    ${isChoosing && html`<${ColumnChooser} ...${columns} onClose=${() => setChoosing(false)} />`}
  <//>`;
}

// Anyone can write a link: drop other parameters.
function queryOf(entity, route) {
  const filter = entity.filters.find(({ name }) => route.query[name] !== undefined);
  const byTime = (filter?.sort ?? "createdAt") === "createdAt";
  const supported = ["cursor", "limit", "order", ...(entity.reachesOwners ? ["owner"] : []), ...parametersOf(entity)];
  const requested = Object.entries(route.query).filter(([name]) => supported.includes(name));
  return { ...(entity.isOrdered && byTime ? { order: "desc" } : {}), ...Object.fromEntries(requested) };
}

const parametersOf = (entity) => entity.filters.flatMap(({ name, bounds }) => [name, ...bounds.map((bound) => bound.name)]);

const isFiltered = (entity, query) => query.owner !== undefined || entity.filters.some(({ name }) => query[name] !== undefined);

// It may be on a later page.
function useItemById({ api, entity, id, owner }) {
  const [row, setRow] = useState(null);
  useEffect(() => {
    const { get } = entity.operations;
    if (!id || !get) return undefined;
    const controller = new AbortController();
    api.call(get, { id, query: { owner }, signal: controller.signal }).then(({ data, headers }) => {
      if (!data || data.id !== id) return;
      const itemOwner = headers.get("Item-Owner");
      setRow(rowsOf([data], itemOwner === null ? null : [decodeURIComponent(itemOwner)])[0]);
    });
    return () => {
      controller.abort();
      setRow(null);
    };
  }, [entity, id, owner]);
  return row;
}

function SearchBox({ text, entity, go, onChange }) {
  const { text: typed, type, stop } = useTyped(text, SEARCH_PAUSE_MS);
  const input = useRef(null);
  useKeys({
    "/": () => {
      input.current.focus();
      input.current.select();
    },
  });
  const search = (next) => {
    stop();
    if (next.trim() !== text.trim()) onChange(next.trim(), { replace: text !== "" && next.trim() !== "" });
  };
  const change = (next) => {
    type(next, search);
    if (!next.trim()) search("");
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape" && typed) {
      event.preventDefault();
      change("");
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      document.querySelector("main .items .row-link")?.focus();
    }
  };
  const onSubmit = (event) => {
    event.preventDefault();
    if (entity.operations.get && FORMATS.uuid(typed.trim())) go({ name: entity.name, id: typed.trim() });
    else search(typed);
  };
  return html`<form class="search" role="search" onSubmit=${onSubmit}>
    <${Icon} name="search" />
    <input ref=${input} type="search" aria-label=${`Search ${entity.label}, or open one by its ID`}
      aria-keyshortcuts="/" autocomplete="off" spellcheck=${false}
      enterkeyhint="search" placeholder=${entity.operations.get ? "Search, or paste an ID" : "Search"} value=${typed}
      onInput=${(event) => change(event.target.value)} onKeyDown=${onKeyDown} />
    <kbd aria-hidden="true">/</kbd>
  </form>`;
}

// Screen readers announce only the result.
function SearchStatus({ entity, text, searched, count, hasDirect, isFiltered }) {
  const { items, isDone, isReading, problem, readOn, stop } = searched;
  const things = isFiltered ? " that match the filters" : "";
  const total = items.length;
  const looked = isDone ? `${total === 1 ? "the only item" : `all ${countText(total, "item")}`}${things}` : `the first ${countText(total, "item")}${things}`;
  const summary = hasDirect && count === 1 ? "Found the item with this ID" : `${countText(count, "match")} in ${looked}`;
  const id = text.trim();
  const mayBeId = entity.operations.get && isId(entity, id) && (FORMATS.uuid(id) || items.some((item) => !FORMATS.uuid(item.id)));
  return html`<div class="search-status">
    <span role="status">${isReading ? "" : `${summary}.`}</span>
    ${isReading && html`<span><span class="spinner"
      aria-hidden="true"></span>${`${countText(count, "match")} in ${countText(total, "item")} so far …`}</span>
      <${Button} kind="link" onClick=${stop}>Stop<//>`}
    ${!isReading && !isDone && !problem && html`<${Button} kind="link"
      onClick=${readOn}>${`Search the next ${countText(SEARCH_STEP, "item")}`}<//>`}
    ${problem && html`<span class="fault"
      role="alert">${`The search stopped: ${problem.problem.detail || problem.problem.title}`}</span>
      <${Button} kind="link" onClick=${readOn}>Continue<//>`}
    ${mayBeId && html`<a class="link"
      href=${hashOf({ name: entity.name, id })}>${`Open the item with ID ${truncate(id, 40)}`}</a>`}
  </div>`;
}

// A failed reload leaves the items in view.
function Stale({ failure, at, retry }) {
  const { title, detail } = failure.problem;
  return html`<div class="stale" role="alert">
    <${Icon} name="warning" />
    <span>${`Reload failed: ${detail || `${title}.`} The items are from ${timeText(at)}.`}</span>
    <${Button} icon="refresh" onClick=${retry}>Try again<//>
  </div>`;
}

function sortOf(entity, query) {
  const filter = entity.filters.find(({ name }) => query[name] !== undefined);
  if (!entity.isOrdered && !filter) return null;
  return { name: filter ? filter.sort : "createdAt", isDescending: query.order === "desc" };
}

// isKnown: whether the rows belong to the address.
function Frame({ entity, query, columns, change, rows, isKnown = true, loading, found, ...props }) {
  const frame = useRef(null);
  const step = currentStep();
  useLayoutEffect(() => {
    if (!isKnown) return;
    const { top = 0, left = 0 } = positionOf(step) ?? {};
    frame.current.scrollTop = top;
    frame.current.scrollLeft = left;
  }, [step, isKnown]);
  const onScroll = () => isKnown && keepPosition(currentStep(), { top: frame.current.scrollTop, left: frame.current.scrollLeft });
  const sort = sortOf(entity, query);
  return html`<div class=${`table-frame${loading ? " loading" : ""}`} aria-busy=${loading ? "true" : "false"}
    ref=${frame} onScroll=${onScroll}
    tabindex="0" role="region" aria-label=${entity.label}>
    <${Table} ...${props} entity=${entity} rows=${rows} columns=${columns.shown} density=${columns.density} found=${found}
      sort=${sort} onSort=${() => change({ order: sort.isDescending ? "asc" : "desc" })} />
  </div>`;
}

function Items({ rows, next, newItem, ...props }) {
  const { entity, route, go, query, change } = props;
  const pager = html`<${Pager} entity=${entity} query=${query} route=${route} next=${next} change=${change} go=${go} />`;
  if (!rows.length) {
    const filtered = isFiltered(entity, query);
    if (filtered || next || query.cursor) {
      return html`<${EmptyState} icon="search" title="Nothing here">
        ${filtered && html`<p>No item matches the filter.</p>
          <${Button} onClick=${() => go({ ...route, query: {} })}>Show all<//>`}
      <//>${(next || query.cursor) && pager}`;
    }
    return html`<${EmptyState} title=${`No ${entity.label.toLowerCase()} yet`}>
      ${newItem && html`<a class="button primary" href=${newItem}><${Icon} name="plus" />Create the first one</a>`}
    <//>`;
  }
  return html`<${Frame} ...${props} rows=${rows} />${pager}`;
}

function Found({ rows, searched, conditions, pageName, ...props }) {
  const { entity, route, go, query, change, columns } = props;
  const size = Number(query.limit ?? entity.limit.default);
  const last = Math.max(1, Math.ceil(rows.length / size));
  const number = Math.min(last, Math.max(1, Number.parseInt(route.query[pageName], 10) || 1));
  const shown = columns.shown.map(({ name }) => name);
  const found = ({ item, owner }) => foundElsewhere(item, conditions, shown, owner);
  const turn = (by) => go({ ...route, query: { ...route.query, [pageName]: String(number + by) } });
  if (!rows.length) {
    if (searched.isReading) return html`<${Skeleton} rows=${size} label="Searching" />`;
    return html`<${EmptyState} icon="search" title="Nothing found">
      <p>${searched.isDone ? "No item contains all these words." : "None of the items searched so far contains all these words."}</p>
      <p class="hint">“Quotation marks” keep words together; property:word searches one property.</p>
    <//>`;
  }
  return html`<${Frame} ...${props} rows=${rows.slice((number - 1) * size, number * size)} found=${found} />
    <${Pages} ...${{ entity, query, change }} label=${`Page ${number} of ${last}`}
      back=${html`<${Button} icon="back" disabled=${number === 1} onClick=${() => turn(-1)}>Previous<//>`}
      next=${number < last && (() => turn(1))} />`;
}

function Pager({ entity, query, route, next, change, go }) {
  const list = listKey(entity, { ...query, cursor: undefined });
  const cursors = cursorsOf(list);
  const cursor = query.cursor ?? null;
  const pageIndex = cursors.indexOf(cursor);
  if (pageIndex === 0 && !next && !query.limit) return null;
  const turn = (to) => go({ ...route, query: { ...route.query, cursor: to ?? undefined } });
  const forward = () => {
    keepCursors(list, [...(pageIndex < 0 ? [cursor] : cursors.slice(0, pageIndex + 1)), next]);
    turn(next);
  };
  const back =
    pageIndex < 0 || (pageIndex === 0 && cursor !== null)
      ? html`<${Button} onClick=${() => change({})}>First page<//>`
      : html`<${Button} icon="back" disabled=${pageIndex === 0} onClick=${() => turn(cursors[pageIndex - 1])}>Previous<//>`;
  const label = pageIndex >= 0 && cursors[0] === null ? `Page ${pageIndex + 1}` : "";
  return html`<${Pages} ...${{ entity, query, change, label, back }} next=${next && forward} />`;
}

function Pages({ entity, query, change, label, back, next }) {
  const size = query.limit ?? String(entity.limit.default);
  return html`<nav class="pager" aria-label="Pages">
    <label class="page-size">Rows
      <${Select} value=${size} onChange=${(limit) => change({ limit })} options=${PAGE_SIZES.map((each) => [each, each])} />
    </label>
    <span class="muted">${label}</span>
    ${back}
    <${Button} disabled=${!next} onClick=${next}>Next<${Icon} name="forward" /><//>
  </nav>`;
}

// --- filters ---

const FILTER_PAUSE_MS = 400;

/** seesAll: the caller sees the items of all owners, and must choose one before other filters. */
function Filters({ entity, query, onChange, seesAll }) {
  const active = entity.filters.find(({ name }) => query[name] !== undefined);
  const [picked, setPicked] = useState(entity.filters.length === 1 ? entity.filters[0].name : "");
  const filter = active ?? entity.filters.find(({ name }) => name === picked);
  const cleared = Object.fromEntries([...parametersOf(entity), "order"].map((name) => [name, undefined]));
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
  // Filters belong to one owner's list.
  const setOwner = (value, options) => onChange({ ...(value === undefined && cleared), owner: value }, options);
  return html`
    ${hasOwner && html`<${TypedValue} label="Owner is exactly" value=${query.owner} onChange=${setOwner} />`}
    ${entity.filters.length > 1 && html`<label>Filter
      <${Select} value=${filter?.name ?? ""} disabled=${needsOwner}
        title=${needsOwner ? "Choose an owner first" : undefined} onChange=${choose}
        options=${[["", needsOwner ? "Requires an owner" : "None"], ...entity.filters.map(({ name }) => [name, labelOf(name)])]} />
    </label>`}
    ${filter && !needsOwner && html`<${FilterValue} key=${filter.name} filter=${filter} value=${query[filter.name]} onChange=${set}
      isOnly=${entity.filters.length === 1} />`}
    ${active && html`<${Range} key=${`${active.name} range`} entity=${entity} filter=${active} query=${query}
      onChange=${onChange} />`}
    ${(active || query.owner !== undefined) && html`<${Button} kind="link" icon="close" onClick=${clear}>Clear<//>`}
  `;
}

function firstValue(schema) {
  if (schema.type === "boolean") return "true";
  return schema.enum && queryText(schema.enum[0]);
}

function FilterValue({ filter, value, onChange, isOnly }) {
  const label = labelOf(filter.name);
  const text = `${isOnly ? label : ""} is exactly`.trim();
  const name = `${label} is exactly`;
  if (filter.schema.type === "boolean") {
    const options = [...(isOnly ? [["", "All"]] : []), ["true", "Yes"], ["false", "No"]];
    return html`<span class="with-label">
      <span aria-hidden="true">${text}</span>
      <${Choice} label=${name} options=${options} value=${value ?? ""} onChange=${(next) => onChange(next || undefined)} />
    </span>`;
  }
  if (filter.schema.enum) {
    // By index, since a value may be empty.
    const chosen = filter.schema.enum.findIndex((element) => queryText(element) === value);
    const choose = (index) => onChange(index === "-1" ? undefined : queryText(filter.schema.enum[index]));
    const options = filter.schema.enum.map((element, index) => [String(index), plainText(element)]);
    if (isOnly) options.unshift(["-1", "All"]);
    return html`<label>${text}
      <${Select} aria-label=${name} value=${String(chosen)} onChange=${choose} options=${options} />
    </label>`;
  }
  const type = filter.schema.format === "date" ? "date" : "text";
  return html`<${TypedValue} label=${text} name=${name} type=${type} value=${value} onChange=${onChange}
    isNumber=${isNumeric(filter.schema)} />`;
}

const isNumeric = (schema) => ["integer", "number"].includes(schema.type);

/** Applies its text after a pause. */
function TypedValue({ label, name = label, type = "text", value = "", onChange, isNumber = false }) {
  const { text, type: change } = useTyped(value, FILTER_PAUSE_MS);
  const apply = (next) => onChange(next || undefined, { replace: value !== "" });
  return html`<label>${label}
    <input type=${type} aria-label=${name} value=${text} inputmode=${isNumber ? "decimal" : undefined}
      autocomplete="off" spellcheck=${false} onInput=${(event) => change(event.target.value, apply)} />
  </label>`;
}

function Range({ entity, filter, query, onChange }) {
  const boundOf = (operator) => filter.bounds.find((each) => each.operator === operator);
  const label = filter.sort === "createdAt" ? "Created" : labelOf(filter.sort);
  const rule = own(entity.schema.properties, filter.sort) ?? { format: "date-time" };
  const input = (operator, name, type, read = (text) => text, write = read) => {
    const isNumber = isNumeric(rule);
    const parameter = boundOf(operator)?.name;
    if (!parameter) return null;
    const set = (text, options) => onChange({ [parameter]: text && write(text) }, options);
    return html`<${TypedValue} label=${name === "to" ? name : `${label} ${name}`} name=${`${label} ${name}`}
      type=${type} value=${query[parameter] ? read(query[parameter]) : ""} onChange=${set} isNumber=${isNumber} />`;
  };
  if (rule.format === "date-time") return html`${input("gte", "from", "date", dayOf, startOf)}${input("lt", "to", "date", dayBefore, endOf)}`;
  if (rule.format === "date") return html`${input("gte", "from", "date")}${input("lte", "to", "date")}`;
  if (isNumeric(rule)) return html`${input("gte", "from", "text")}${input("lte", "to", "text")}`;
  return input("prefix", "begins with", "text");
}

// Days are in the reader's time zone.
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
