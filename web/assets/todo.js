// A to-do list, for entities that are one.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.js";
import { own, stringify } from "./json.js";
import { keepRead, readBefore } from "./list.js";
import { doneProperty } from "./model.js";
import { TABLE, drafts, hashOf } from "./place.js";
import { inWords, validate } from "./rules.js";
import { NeedsAccess, isAccessDenied } from "./session.js";
import { countText, truncate } from "./text.js";
import { Button, Choice, EmptyState, Icon, IconButton, Page, Problem, Text, inputAttributes, useChanges } from "./ui.js";

const PAGE_SIZE = 100;
const TITLE_LENGTH = 300;

// An operation that changes one property.
function changeOperation({ operations }) {
  return operations.merge ?? (operations.replace?.body.partial ? operations.replace : undefined);
}

export function TodoView({ entity, api, session, route, go, notify, deletions, views }) {
  useChanges(session.onChange);
  useChanges(deletions.subscribe);
  const done = doneProperty(entity);
  const filter = route.query[done] ?? "";
  const list = useList({ entity, api, session, done, filter });
  const rows = useRef(null);
  // Only the table shows owners.
  useEffect(() => {
    if (list.answer.data?.owners) go({ name: entity.name, id: TABLE }, { replace: true });
  }, [list.answer]);

  const isShown = (item) => matches(item, done, filter);
  const shown = list.items.filter((item) => isShown(item) && !deletions.has(entity, item));

  const take = (item) => {
    list.put(item);
    deletions.follow(entity, item);
  };

  const tick = async (item) => {
    const ticked = { ...item, [done]: !own(item, done) };
    // The row may disappear with the focus.
    if (!isShown(ticked)) focusNear(rows.current, shown.indexOf(item));
    list.put(ticked);
    const { data, problem } = await api.call(changeOperation(entity), { id: item.id, body: { [done]: ticked[done] } });
    take(problem ? item : data);
    if (problem) notify({ text: `Not changed. ${problem.detail}`, tone: "bad" });
  };

  const remove = (item) => {
    focusNear(rows.current, shown.indexOf(item));
    deletions.schedule(entity, item, truncate(titleOf(item), 40));
  };

  const { operations } = entity;
  return html`<${Page} title=${entity.label} actions=${html`<a class="button"
    href=${views.table}><${Icon} name="table" />Table</a>`}>
    <div class="todo">
      ${operations.create && !session.missingAccess(operations.create.security) && html`<${Add} entity=${entity} api=${api}
        onAdded=${list.put} />`}
      <div class="todo-bar">
        ${entity.filters.some(({ name }) => name === done) && html`<${Choice} label="Show" value=${filter}
          options=${[["", "All"], ["false", "Open"], ["true", "Done"]]}
          onChange=${(value) => go({ name: entity.name, query: { [done]: value || undefined } })} />`}
        <p class="hint" role="status">${list.isRead && summary(shown, list.next, filter, done)}</p>
      </div>
      ${list.answer.problem && !isAccessDenied(list.answer, operations.list) && html`<${Problem} problem=${list.answer.problem} retry=${list.reload} />`}
      ${list.answer.problem && list.items.length === 0
        ? isAccessDenied(list.answer, operations.list) && html`<${NeedsAccess} operation=${operations.list}
          session=${session} answer=${list.answer} />`
        : html`<ul class="todo-list" ref=${rows} aria-busy=${list.isReading ? "true" : undefined}>
            ${shown.map((item) => html`<${Todo} key=${item.id} item=${item} done=${done} entity=${entity} api=${api}
              notify=${notify} onTick=${tick} onChange=${take} onRemove=${remove} />`)}
          </ul>
          ${list.isRead && !list.isReading && shown.length === 0 && html`<${EmptyList} filter=${filter} />`}
          ${list.next && html`<${Button} kind="button more" disabled=${list.isReading} onClick=${list.readMore}>Show more<//>`}`}
    </div>
  <//>`;
}

function EmptyList({ filter }) {
  if (filter === "true") return html`<${EmptyState} icon="check"
    title="Nothing is done yet"><p>Completed items appear here.</p><//>`;
  if (filter === "false") return html`<${EmptyState} icon="check" title="All done"><p>There is nothing left to do.</p><//>`;
  return html`<${EmptyState} icon="list" title="Nothing to do"><p>Add the first item above.</p><//>`;
}

function summary(items, next, filter, done) {
  if (items.length === 0) return "";
  if (next) return `${items.length} shown; there are more`;
  if (filter !== "") return countText(items.length, "item");
  const ticked = items.filter((item) => own(item, done)).length;
  return `${items.length - ticked} open, ${ticked} done`;
}

function Add({ entity, api, onAdded }) {
  const draft = `${entity.name}/todo`;
  const [title, setTitle] = useState(() => drafts.get(draft) ?? "");
  const [faults, setFaults] = useState([]);
  const sent = useRef({});
  useEffect(() => drafts.set(draft, title || null), [title]);

  const add = async (event) => {
    event.preventDefault();
    const newTitle = title.trim();
    if (!newTitle) return;
    const newFaults = faultsOf(entity, newTitle);
    setFaults(newFaults);
    if (newFaults.length) return;
    // A retry must not add it twice.
    if (sent.current.title !== newTitle) sent.current = { title: newTitle, key: crypto.randomUUID() };
    const headers = { "Idempotency-Key": sent.current.key };
    const { data, problem } = await api.call(entity.operations.create, { body: { title: newTitle }, headers });
    if (problem) {
      setFaults(sentences(problem));
      return;
    }
    sent.current = {};
    // The user may be typing the next one.
    setTitle((now) => (now.trim() === newTitle ? "" : now));
    onAdded(data);
  };

  return html`<form class="todo-add" onSubmit=${add}>
    <label class="label" for="todo-new">What is there to do?</label>
    <div class="todo-add-line">
      <input ...${inputAttributes("todo-new", null, faults)} autocomplete="off" enterkeyhint="done" value=${title}
        onInput=${(event) => {
          setTitle(event.target.value);
          setFaults([]);
        }} />
      <button class="button primary"><${Icon} name="plus" />Add</button>
    </div>
    ${faults.length > 0 && html`<p class="fault" id="todo-new-faults" role="alert">${faults.join(". ")}</p>`}
  </form>`;
}

function Todo({ item, done, entity, api, notify, onTick, onChange, onRemove }) {
  const [isEdited, setEdited] = useState(false);
  const edit = useRef(null);
  const title = titleOf(item);
  const id = `todo-${item.id}`;
  const ticked = own(item, done) === true;
  const canChange = changeOperation(entity);
  const name = truncate(title, 60);

  const wasEdited = useRef(false);
  useLayoutEffect(() => {
    if (wasEdited.current && !isEdited) edit.current?.focus();
    wasEdited.current = isEdited;
  }, [isEdited]);

  if (isEdited) {
    return html`<li class="todo-item">
      <${Edit} item=${item} entity=${entity} api=${api} notify=${notify} onClose=${() => setEdited(false)} onChange=${onChange} />
    </li>`;
  }
  const description = own(item, "description");
  return html`<li class=${ticked ? "todo-item done" : "todo-item"}>
    <input type="checkbox" id=${id} checked=${ticked} disabled=${!canChange} onChange=${() => onTick(item)} />
    <div class="todo-text">
      <label for=${id}><${Text} value=${title} limit=${TITLE_LENGTH} /></label>
      ${typeof description === "string" && description && html`<p class="hint"><${Text} value=${description}
        limit=${TITLE_LENGTH} /></p>`}
    </div>
    <div class="todo-actions">
      ${canChange && typeof own(item, "title") === "string" && html`<button type="button" class="icon-button" ref=${edit}
        aria-label=${`Edit ${name}`} title="Edit" onClick=${() => setEdited(true)}><${Icon} name="edit" /></button>`}
      <a class="icon-button" href=${hashOf({ name: entity.name, id: item.id })} aria-label=${`Details of ${name}`}
        title="Details"><${Icon} name="forward" /></a>
      ${entity.operations.delete && html`<${IconButton} icon="trash" label=${`Delete ${name}`} title="Delete"
        onClick=${() => onRemove(item)} />`}
    </div>
  </li>`;
}

function Edit({ item, entity, api, notify, onClose, onChange }) {
  const [title, setTitle] = useState(item.title);
  const [faults, setFaults] = useState([]);
  // Someone else's newer title.
  const [theirs, setTheirs] = useState(null);
  const input = useRef(null);
  // Before the next key arrives.
  useLayoutEffect(() => {
    input.current.focus();
    input.current.select();
  }, []);
  const id = `edit-${item.id}`;

  const save = async (event) => {
    event.preventDefault();
    const newTitle = title.trim();
    const known = theirs ?? item.title;
    if (newTitle === item.title && theirs === null) {
      onClose();
      return;
    }
    const newFaults = faultsOf(entity, newTitle);
    setFaults(newFaults);
    if (newFaults.length) return;
    const { saved, changed, problem } = await changeTitle(entity, api, item.id, known, newTitle);
    if (problem) setFaults(sentences(problem));
    else if (changed) setTheirs(changed);
    else {
      onChange(saved);
      notify({ text: "Saved" });
      onClose();
    }
  };

  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  };

  return html`<form class="todo-edit" onSubmit=${save} onKeyDown=${onKeyDown}>
    <label class="label" for=${id}>Title</label>
    <input ref=${input} ...${inputAttributes(id, null, faults)} autocomplete="off" enterkeyhint="done" value=${title}
      onInput=${(event) => setTitle(event.target.value)} />
    ${faults.length > 0 && html`<p class="fault" id=${`${id}-faults`} role="alert">${faults.join(". ")}</p>`}
    ${theirs !== null && html`<p class="todo-theirs" role="alert">
      Someone else changed it to “<${Text} value=${theirs} limit=${TITLE_LENGTH} />”. Save again to keep yours, or
      ${" "}<${Button} kind="link" onClick=${() => setTitle(theirs)}>take theirs<//>.
    </p>`}
    <div class="buttons">
      <button class="button primary">Save</button>
      <${Button} onClick=${onClose}>Cancel<//>
    </div>
  </form>`;
}

// Change the title if the user saw the current one: {saved}, {changed: the current title} or {problem}.
async function changeTitle(entity, api, id, known, title) {
  const { get } = entity.operations;
  const change = (headers) => api.call(changeOperation(entity), { id, body: { title }, headers });
  if (!get) {
    const { data, problem } = await change({});
    return { saved: data, problem };
  }
  for (;;) {
    const latest = await api.call(get, { id });
    if (latest.problem) return { problem: latest.problem };
    if (latest.data.title !== known && latest.data.title !== title) return { changed: titleOf(latest.data) };
    const { data, problem } = await change({ "If-Match": latest.headers.get("etag") });
    // Changed between the two requests: look again.
    if (problem?.status !== 412) return { saved: data, problem };
  }
}

function useList({ entity, api, session, done, filter }) {
  const emptyList = { items: [], next: null, answer: {}, isRead: false, filter: null };
  const key = `${entity.name}/${filter}`;
  // Show the last visit's items at first.
  const [list, setList] = useState(() => readBefore(key) ?? emptyList);
  const [isReading, setReading] = useState(true);
  const [attempt, setAttempt] = useState(0);
  // The user's changes since the list was requested.
  const changedItems = useRef([]);

  const read = async (cursor, signal, least = 0) => {
    setReading(true);
    changedItems.current = [];
    const query = { limit: PAGE_SIZE, [done]: filter || undefined, order: entity.isOrdered ? "desc" : undefined };
    const found = [];
    let answer;
    do {
      answer = await api.call(entity.operations.list, { query: { ...query, cursor: answer?.data.next ?? cursor }, signal });
      if (signal?.aborted) return;
      found.push(...(answer.data?.items ?? []));
    } while (answer.data?.next && found.length < least);
    setReading(false);
    const meanwhile = changedItems.current;
    setList((before) => {
      if (answer.problem) return { ...(before.filter === filter && ![401, 403].includes(answer.status) ? before : emptyList), answer, filter };
      const items = cursor ? uniqueItems([...before.items, ...found]) : found;
      return { items: meanwhile.reduce(putItem, items), next: answer.data.next, answer, isRead: true, filter };
    });
    if (answer.problem) return;
    const missing = meanwhile.filter((item) => matches(item, done, filter) && !hasItem(found, item));
    await dropDeleted(uniqueItems(missing), signal);
  };

  // Items that the response lacks are newer, or deleted.
  const dropDeleted = async (missing, signal) => {
    const { get } = entity.operations;
    for (const { id } of get ? missing : []) {
      const { status } = await api.call(get, { id, signal });
      if (signal?.aborted) return;
      if (status === 404) setList((before) => ({ ...before, items: before.items.filter((item) => item.id !== id) }));
    }
  };

  const reload = () => setAttempt((now) => now + 1);
  useEffect(() => session.onCallerChange(reload), [session]);
  useEffect(() => {
    const controller = new AbortController();
    read(undefined, controller.signal, readBefore(key)?.items.length);
    return () => controller.abort();
  }, [filter, attempt]);
  useEffect(() => {
    if (list.isRead && list.filter === filter && !list.answer.problem) keepRead(key, list);
  }, [list, key]);

  return {
    ...list,
    isReading: isReading || list.filter !== filter,
    reload,
    readMore: () => read(list.next),
    put(item) {
      changedItems.current.push(item);
      setList((before) => ({ ...before, items: putItem(before.items, item) }));
    },
  };
}

// An older version changes nothing.
function putItem(items, item) {
  if (!hasItem(items, item)) return [item, ...items];
  return items.map((other) => (other.id === item.id && !(other.version > item.version) ? item : other));
}

function hasItem(items, item) {
  return items.some(({ id }) => id === item.id);
}

function matches(item, done, filter) {
  return filter === "" || String(Boolean(own(item, done))) === filter;
}

// Pages can repeat items.
function uniqueItems(items) {
  return [...new Map(items.map((item) => [item.id, item])).values()];
}

function focusNear(rows, index) {
  const boxes = [...rows.querySelectorAll("input[type=checkbox]")];
  const neighbour = boxes[index + 1] ?? boxes[index - 1] ?? document.getElementById("todo-new");
  neighbour?.focus();
}

function titleOf(item) {
  const title = own(item, "title");
  return typeof title === "string" ? title : (stringify(title) ?? "");
}

function faultsOf(entity, title) {
  const schema = entity.schema.properties.title;
  return validate(schema, title).map((fault) => inWords(schema)(fault).detail);
}

function sentences(problem) {
  return problem.errors?.map(({ detail }) => detail) ?? [problem.detail];
}
