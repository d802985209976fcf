// Select many items, and change, duplicate, delete or export them.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { SERVERS_OWN } from "./contract.js";
import { Form, fieldId } from "./form.js";
import { rowHash, rowsOf } from "./grid.js";
import { changeRequest, newItem } from "./item.js";
import { isEqual, own, without } from "./json.js";
import { propertyNames, titleOf } from "./model.js";
import { IMPORT, hashOf } from "./place.js";
import { inWords, validate } from "./rules.js";
import { EntityView } from "./table.js";
import { countText, labelOf, truncate, visibleText } from "./text.js";
import { Button, Choice, Dialog, Field, Icon, Select, Text, createListeners, focusHeading, inputAttributes, loadModule, useChanges } from "./ui.js";

export const MAX_ITEMS = 10_000; // per export, import or selection
const PAGE_SIZE = 100;
const MAX_CONCURRENT = 4;
const MAX_WAIT_SECONDS = 60; // a run stops if the API asks for more
const MAX_ATTEMPTS = 6;
const MAX_FAULTS = 20; // that are shown; the report has all
const MAX_REFUSALS = 5; // in a row, before a run stops
const MAX_READS = 3; // of an item that others keep changing
export const MOST = MAX_ITEMS.toLocaleString();

const CHANGED = { detail: "The item has changed since you saw it" };

export function ManyItemsView(props) {
  const { route } = props;
  const [selected, setSelected] = useState(new Map());
  const shown = useRef([]);
  const selection = useRef({}).current;
  Object.assign(selection, { ids: new Set(selected.keys()), onChange: (keys) => setSelected(pick(selected, shown.current, keys)) });
  // Another filter starts a new selection.
  const scope = scopeOf(route);
  useEffect(() => () => setSelected(new Map()), [scope]);
  const toolbar = (list) => {
    shown.current = list.rows;
    return html`<${Bar} ...${props} ...${list} selected=${selected} setSelected=${setSelected} />`;
  };
  return html`<${EntityView} ...${props} selection=${selection} toolbar=${toolbar} />`;
}

const scopeOf = ({ name, query }) => JSON.stringify([name, { ...query, cursor: undefined, order: undefined, limit: undefined, page: undefined, "+page": undefined }]);

const changeOperation = ({ operations }) => operations.merge ?? operations.replace;

function Bar(props) {
  const { entity, api, session, jobs, deletions, notify, rows, next, query, search, reload, selected, setSelected } = props;
  const { create, list, delete: deleteOperation } = entity.operations;
  const [dialog, setDialog] = useState(null);
  const [reading, setReading] = useState(null);
  useEffect(() => setSelected((before) => refresh(before, rows)), [rows]);
  useEffect(() => jobs.onEnd((changed) => changed.name === entity.name && reload()), [jobs, reload]);
  useEffect(() => session.onCallerChange(() => setSelected(new Map())), [session]);
  const chosen = [...selected.values()].filter((row) => !deletions.has(entity, row.item, row));
  const count = chosen.length;
  const elsewhere = chosen.filter(({ key }) => !rows.some((row) => row.key === key)).length;
  const clear = () => setSelected(new Map());
  const selectRows = (all) => setSelected(new Map(all.map((row) => [row.key, row])));
  const nameOf = ({ item }) => visibleText(truncate(titleOf(entity, item), 60));

  const readMatching = async () => {
    const controller = new AbortController();
    const onProgress = (read) => setReading({ read, stop: () => controller.abort() });
    onProgress(0);
    const { rows: found, hasMore, problem } = await readAll({ api, list, query: { ...query, cursor: undefined }, limit: MAX_ITEMS, signal: controller.signal, onProgress });
    setReading(null);
    if (problem) notify({ text: `Not read. ${problem.detail}`, tone: "bad" });
    else if (hasMore && !controller.signal.aborted) notify({ text: `Only the first ${found.length} items were read` });
    return problem || controller.signal.aborted ? undefined : found;
  };
  const selectMatching = async () => {
    const found = await readMatching();
    if (found) selectRows(found);
  };
  const isWhole = count === 0 && !search && Boolean(next || query.cursor);
  const exportAs = async (format) => {
    setDialog(null);
    const found = count > 0 ? chosen : isWhole ? await readMatching() : rows;
    const items = found?.map(({ item }) => item);
    if (!items) return;
    saveFile(notify, ({ itemsCsv, jsonLines }) =>
      format === "csv"
        ? [`${entity.name}.csv`, "text/csv", itemsCsv(entity, items)]
        : [`${entity.name}.jsonl`, "application/jsonl", jsonLines(items)]);
  };
  const remove = () => {
    deletions.scheduleAll(entity, chosen, count === 1 ? `“${truncate(nameOf(chosen[0]), 40)}”` : countText(count, "item"));
    clear();
    focusHeading();
  };
  const duplicate = () => {
    const tasks = chosen.map((row) => ({ ...row, key: crypto.randomUUID() }));
    const send = ({ item, owner, key }) => {
      const body = newItem(entity, "", SERVERS_OWN.reduce(without, item));
      return api.call(create, { query: { owner }, headers: { "Idempotency-Key": key }, body });
    };
    jobs.start({ entity, doing: "Duplicating", done: "duplicated", tasks, send, nameOf });
  };
  const change = (name, value) => {
    setDialog(null);
    const onEnd = ({ outcomes }) => {
      const newer = tasks.map((row, index) => ({ ...row, item: outcomes[index]?.data ?? row.item }));
      setSelected((before) => refresh(before, newer));
    };
    const tasks = chosen;
    jobs.start({ entity, doing: "Changing", done: "changed", tasks, send: (row) => changeRow(api, entity, row, name, value), nameOf, onEnd });
  };

  const button = (label, onClick, kind = "") => html`<${Button} kind=${`button ${kind}`} onClick=${onClick}>${label}<//>`;
  return html`<div class=${count > 0 ? "bar on" : "bar"} role="group" aria-label="Bulk actions">
    <p role="status">
      ${reading ? `Read ${countText(reading.read, "item")} …` : count > 0 ? `${count} selected${elsewhere > 0 ? `, ${elsewhere} on other pages` : ""}` : ""}
    </p>
    ${reading && button("Stop", reading.stop)}
    ${!reading && count === 0 && rows.length > 0 && html`<${Button} kind="link phone"
      onClick=${() => selectRows(rows)}>Select all<//>`}
    ${!reading && next && !search && count > 0 && rows.every(({ key }) => selected.has(key)) && elsewhere === 0
      && html`<${Button} kind="link" onClick=${selectMatching}>Select all that match<//>`}
    ${count > 0 && !reading && html`
      <${Button} kind="link" onClick=${() => { clear(); focusHeading(); }}>Clear<//>
      ${deleteOperation && button(html`<${Icon} name="trash" />Delete`, remove, "danger")}
      ${changeOperation(entity) && button("Set a property", () => setDialog("set"))}
      ${create && button("Duplicate", duplicate)}`}
    <span class="end">
      ${button("Export", () => setDialog("export"))}
      ${create && count === 0 && html`<a class="button" href=${hashOf({ name: entity.name, id: IMPORT })}>Import</a>`}
    </span>
    ${dialog === "set" && html`<${SetDialog} entity=${entity} count=${count} items=${chosen.map(({ item }) => item)}
      onSet=${change} onClose=${() => setDialog(null)} />`}
    ${dialog === "export" && html`<${ExportDialog} what=${isWhole ? `all that match, up to ${MOST}` : countText(count || rows.length, "item")} onExport=${exportAs} onClose=${() => setDialog(null)} />`}
  </div>`;
}

// Others' changes are kept: a newer value of this property is never overwritten.
async function changeRow(api, entity, { id, owner, item }, name, value) {
  let [stored, etag] = [item, etagOf(item)];
  for (let reads = 0; ; reads++) {
    const base = SERVERS_OWN.reduce(without, stored);
    const draft = value === undefined ? without(base, name) : { ...base, [name]: value };
    if (isEqual(base, draft)) return { status: 200, data: stored, problem: null };
    const errors = validate(entity.storedSchema, draft).map(inWords(entity.storedSchema));
    if (errors.length) return { problem: { detail: "The item would be invalid", errors } };
    const { request, problem } = changeRequest(entity, { id }, { base, etag }, draft);
    if (problem) return { problem };
    const [operation, options] = request;
    const answer = await api.call(operation, { ...options, query: { owner } });
    if (answer.status !== 412) return answer;
    const { get } = entity.operations;
    const latest = get && reads < MAX_READS ? await api.call(get, { id, query: { owner } }) : null;
    if (latest?.problem) return latest;
    const isKept = (latest) => [own(item, name), value].some((known) => isEqual(own(latest, name), known));
    if (!latest || !isKept(latest.data)) return { ...answer, problem: CHANGED };
    [stored, etag] = [latest.data, latest.headers.get("ETag")];
  }
}

function SetDialog({ entity, count, items, onSet, onClose }) {
  const { schema } = entity;
  const properties = changeOperation(entity).body.schema.properties;
  const isOpen = (schema.additionalProperties ?? true) !== false;
  const names = useMemo(() => {
    const known = propertyNames(schema).filter((name) => Object.hasOwn(properties, name) && !schema.properties[name].readOnly);
    const found = isOpen ? items.flatMap(Object.keys).filter((name) => !SERVERS_OWN.includes(name) && !Object.hasOwn(schema.properties, name)) : [];
    return [...new Set([...known, ...found])];
  }, []);
  const [name, setName] = useState("");
  const [isNew, setNew] = useState(false);
  const [draft, setDraft] = useState({});
  const [showsFaults, setShowsFaults] = useState(false);
  const isRequired = entity.storedSchema.required?.includes(name);
  const rule = own(schema.properties, name) ?? {};
  const part = { type: "object", properties: { [name]: rule }, required: isRequired ? [name] : [], additionalProperties: false };
  const faults = validate(part, draft).map(inWords(part));
  const value = own(draft, name);
  const save = (event) => {
    event.preventDefault();
    setShowsFaults(true);
    if (faults.length || !name) document.getElementById(fieldId(`/${name}`))?.focus();
    else onSet(name, value);
  };
  const choose = (next, other = false) => {
    setName(next);
    setNew(other);
    setDraft({});
    setShowsFaults(false);
  };
  const canSet = name !== "" && !SERVERS_OWN.includes(name);
  const removes = canSet && !isNew && value === undefined && !isRequired;
  const label = removes ? `Remove it from ${countText(count, "item")}` : `Change ${countText(count, "item")}`;
  return html`<${Dialog} title=${`Set a property of ${countText(count, "item")}`} onClose=${onClose}>
    <form class="dialog-body" onSubmit=${save} novalidate>
      <${Field} id="set-name" label="Property">
        <${Select} ...${inputAttributes("set-name")} value=${isNew ? "+" : String(names.indexOf(name))}
          onChange=${(index) => choose(names[index] ?? "", index === "+")}
          options=${[["-1", "Choose …"], ...names.map((each, index) => [String(index), labelOf(each)]), ...(isOpen ? [["+", "Another property …"]] : [])]} />
      <//>
      ${isNew && html`<${Field} id="set-new" label="Name">
        <input ...${inputAttributes("set-new")} autocomplete="off" value=${name} onInput=${({ target }) => choose(target.value, true)} />
      <//>`}
      ${canSet && !isRequired && !isNew && html`<p class="hint">An empty value removes the property.</p>`}
      ${canSet && html`<${Form} key=${name} schema=${part} value=${draft} touch=${() => setShowsFaults(true)}
        onChange=${(next) => setDraft((old) => (typeof next === "function" ? next(old) : next))}
        faultsAt=${(where) => (showsFaults ? faults.filter(({ pointer }) => pointer === where).map(({ detail }) => detail) : [])} />`}
      <div class="buttons"><button class=${`button ${removes ? "danger" : "primary"}`} disabled=${!canSet || (isNew && value === undefined)}>${label}</button></div>
    </form>
  <//>`;
}

function ExportDialog({ what, onExport, onClose }) {
  const [format, setFormat] = useState("csv");
  return html`<${Dialog} title=${`Export ${what}`} onClose=${onClose}>
    <div class="dialog-body">
      <${Choice} label="Format" value=${format} onChange=${setFormat} options=${[["csv", "CSV"], ["jsonl", "JSON lines"]]} />
      <p class="hint">${format === "csv"
        ? "For spreadsheets: objects and arrays are JSON in one cell, and text that a spreadsheet would run as a formula begins with an apostrophe, which an import removes."
        : "For programs: one item a line, as the API returns it."}</p>
      <div class="buttons"><${Button} kind="button primary" onClick=${() => onExport(format)}>Export<//></div>
    </div>
  <//>`;
}

// --- jobs: many requests, a few at a time, at the pace that the API allows ---

/** send(task) resolves to a response or {problem}, and must be safe to repeat. */
export function createRun({ tasks, send, onChange = () => {}, sleep = pause }) {
  const outcomes = new Array(tasks.length);
  const counts = { done: 0, failed: 0 };
  let state = "ready";
  let reason = "";
  let [concurrent, refusals, waitsUntil] = [MAX_CONCURRENT, 0, 0];
  let queue = [];
  let running = 0;
  let waiting;
  let finish;

  function stop(why = "") {
    if (state !== "running") return;
    state = "stopping";
    reason = why;
    waiting.abort();
    onChange();
  }

  function pump() {
    while (state === "running" && running < concurrent && queue.length) {
      running++;
      attempt(queue.shift()).then(() => {
        running--;
        pump();
      });
    }
    if (running || (state === "running" && queue.length)) return;
    state = counts.done + counts.failed === tasks.length ? "done" : "stopped";
    onChange();
    finish();
  }

  async function attempt(index) {
    for (let number = 1; ; number++) {
      while (state === "running" && waitsUntil > Date.now()) await sleep(waitsUntil - Date.now(), waiting.signal);
      if (state !== "running") return;
      const answer = await send(tasks[index]);
      const { status, problem } = answer;
      if (!problem || ![0, 429, 503].includes(status)) return settle(index, answer);
      const seconds = retryAfter(answer.headers) ?? 2 ** (number - 1);
      if (number === MAX_ATTEMPTS || seconds > MAX_WAIT_SECONDS) return stop(problem.detail);
      concurrent = Math.max(1, concurrent >> 1);
      waitsUntil = Math.max(waitsUntil, Date.now() + seconds * 1000);
      onChange();
    }
  }

  function settle(index, answer) {
    const { status, problem } = answer;
    // The user has to sign in again; then the run can continue.
    if (status === 401) return stop(problem.detail);
    outcomes[index] = answer;
    counts[problem ? "failed" : "done"]++;
    refusals = problem && (status === 403 || status >= 500) ? refusals + 1 : 0;
    if (refusals >= MAX_REFUSALS) stop(problem.detail);
    onChange();
  }

  return {
    tasks,
    outcomes,
    stop,
    start() {
      outcomes.forEach((answer, index) => {
        if (!isFailure(answer)) return;
        delete outcomes[index];
        counts.failed--;
      });
      [state, reason, refusals, waiting] = ["running", "", 0, new AbortController()];
      queue = tasks.map((_, index) => index).filter((index) => !outcomes[index]);
      return new Promise((resolve) => {
        finish = resolve;
        pump();
        onChange();
      });
    },
    progress: () => {
      const { done, failed } = counts;
      const left = tasks.length - done - failed;
      const canStart = ["ready", "stopped"].includes(state) || (state === "done" && outcomes.some(isFailure));
      return { state, reason, total: tasks.length, done, failed, left, isWaiting: state === "running" && waitsUntil > Date.now(), canStart };
    },
  };
}

/** Resolves to {rows, hasMore, problem}. */
async function readAll({ api, list, query, limit, signal, onProgress = () => {}, sleep = pause }) {
  const found = [];
  let cursor;
  for (;;) {
    const size = Math.min(PAGE_SIZE, limit - found.length);
    const send = () => api.call(list, { query: { ...query, limit: size, cursor }, signal });
    const run = createRun({ tasks: [null], send, sleep });
    const stop = () => run.stop();
    signal.addEventListener("abort", stop);
    await run.start();
    signal.removeEventListener("abort", stop);
    const [answer] = run.outcomes;
    if (signal.aborted || !answer?.data) {
      const problem = signal.aborted ? null : (answer?.problem ?? { title: "Not read", detail: run.progress().reason });
      return { rows: found, hasMore: true, problem };
    }
    const { items, owners, next } = answer.data;
    found.push(...rowsOf(items, owners));
    onProgress(found.length);
    if (!next || found.length >= limit) return { rows: found, hasMore: Boolean(next), problem: null };
    cursor = next;
  }
}

// Worth a retry.
const isFailure = ({ status, problem }) => Boolean(problem) && status >= 500;

function retryAfter(headers) {
  const text = headers?.get("Retry-After");
  if (!text) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function pick(selected, shown, keys) {
  const byKey = new Map([...selected, ...shown.map((row) => [row.key, row])]);
  return new Map([...keys].filter((key) => byKey.has(key)).map((key) => [key, byKey.get(key)]));
}

/** The same Map if nothing is newer. */
export function refresh(selected, shown) {
  const isNewer = ({ key, item }) => selected.has(key) && selected.get(key).item !== item;
  return shown.some(isNewer) ? pick(selected, shown, selected.keys()) : selected;
}

// --- deletions, sent after a delay so that they can be undone ---

const DELAY_MS = 6000;
const MAX_KEEPALIVE = 20; // requests that browsers reliably send after the page closes

/** notify returns a function that removes the note. */
export function createDeletions(api, notify, jobs) {
  const pending = new Set();
  const deleted = new Map();
  const listeners = createListeners();
  const keyOf = (entity, { id }, owner = "") => `${entity.name}/${owner}/${id}`;

  function schedule(entity, item, label, { owner } = {}) {
    scheduleAll(entity, [{ id: item.id, owner, item }], `“${label}”`);
  }

  function scheduleAll(entity, rows, label) {
    // Copies, since `follow` changes them.
    const batch = { entity, rows: rows.map((row) => ({ ...row })), send };
    const mark = ({ item, owner }, isDeleted) => {
      if (isDeleted) deleted.set(keyOf(entity, item, owner), item.createdAt);
      else deleted.delete(keyOf(entity, item, owner));
    };
    const end = () => {
      clearTimeout(timer);
      pending.delete(batch);
      close();
    };
    const markAll = (isDeleted) => {
      batch.rows.forEach((row, index) => mark(row, isDeleted(index)));
      listeners.notify();
    };
    async function send({ keepalive = false } = {}) {
      // Browsers would drop some. The user has been warned.
      if (keepalive && batch.rows.length > MAX_KEEPALIVE) return;
      end();
      const sendRow = (row) => deleteRow(api, entity, row, keepalive);
      if (batch.rows.length > 1 && !keepalive) {
        const onEnd = ({ outcomes }) => markAll((index) => outcomes[index] && !outcomes[index].problem);
        jobs.start({ entity, doing: "Deleting", done: "deleted", tasks: batch.rows, send: sendRow, onEnd });
        return;
      }
      const answers = await Promise.all(batch.rows.map(sendRow));
      const { problem } = answers.find((answer) => answer.problem) ?? {};
      if (!problem) return;
      markAll((index) => !answers[index].problem);
      notify({ text: `Not deleted. ${problem.detail}`, tone: "bad" });
    }
    const undo = () => {
      end();
      markAll(() => false);
      const [{ id }] = batch.rows;
      setTimeout(() => {
        focusHeading();
        document.querySelector(`main a[href="${hashOf({ name: entity.name, id })}"]`)?.focus();
      });
    };
    const timer = setTimeout(send, DELAY_MS);
    const close = notify({ text: `Deleted ${label}`, action: { label: "Undo", run: undo }, isSticky: true });
    pending.add(batch);
    markAll(() => true);
  }

  function flush(options) {
    [...pending].forEach(({ send }) => send(options));
  }

  /** Accept the user's own change of an item that is about to be deleted. */
  function follow(entity, item) {
    const rows = [...pending].filter((batch) => batch.entity.name === entity.name).flatMap((batch) => batch.rows);
    const row = rows.find((row) => row.id === item.id && row.item.createdAt === item.createdAt);
    // The next version: nobody else has changed it in between.
    if (row && row.item.version + 1 === item.version) row.item = item;
  }

  addEventListener("pagehide", () => flush({ keepalive: true }));
  addEventListener("beforeunload", (event) => {
    if ([...pending].some(({ rows }) => rows.length > MAX_KEEPALIVE)) event.preventDefault();
  });

  return {
    schedule,
    scheduleAll,
    flush,
    follow,
    /** A new item with the same id has another createdAt. */
    has: (entity, item, { owner } = {}) => deleted.get(keyOf(entity, item, owner)) === item.createdAt,
    subscribe: listeners.add,
  };
}

async function deleteRow(api, entity, { id, owner, item }, keepalive) {
  const headers = { "If-Match": etagOf(item) };
  const answer = await api.call(entity.operations.delete, { id, query: { owner }, headers, keepalive });
  if (answer.status === 404) return { ...answer, problem: null };
  if (answer.status !== 412) return answer;
  return { ...answer, problem: { ...answer.problem, detail: "The item has changed since you saw it. Review it before you delete it." } };
}

/** An item's ETag, which lists do not return. */
function etagOf({ createdAt, version }) {
  return `"${createdAt}-${version}"`;
}

export function createJobs(notify) {
  let jobs = [];
  const listeners = createListeners();
  const endListeners = createListeners();
  const remove = (job) => {
    jobs = jobs.filter((other) => other !== job);
    listeners.notify();
  };

  /** Start {entity, doing: "Deleting", done: "deleted", tasks, send, nameOf(task), summary(run), onEnd(run)}. */
  function start(spec) {
    const run = createRun({ ...spec, onChange: listeners.notify });
    const job = { nameOf: ({ id }) => id, ...spec, run, go, notify, dismiss: () => remove(job) };
    async function go() {
      await run.start();
      spec.onEnd?.(run);
      endListeners.notify(spec.entity);
      const { failed, left } = run.progress();
      if (failed || left) return;
      remove(job);
      notify({ text: summaryOf(job) });
    }
    jobs = [...jobs, job];
    go();
  }

  addEventListener("beforeunload", (event) => {
    if (jobs.some(({ run }) => ["running", "stopping"].includes(run.progress().state))) event.preventDefault();
  });

  return { start, all: () => jobs, subscribe: listeners.add, onEnd: endListeners.add };
}

function summaryOf({ run, done: word, summary }) {
  const { done, failed, left } = run.progress();
  const parts = [summary?.(run) ?? `${done} ${word}`, failed && `${failed} not ${word}`, left && `${left} left`];
  return parts.filter(Boolean).join(", ");
}

export function Jobs({ jobs }) {
  useChanges(jobs.subscribe);
  return html`<div class="jobs">${jobs.all().map((job) => html`<${Job} key=${job.run} job=${job} />`)}</div>`;
}

function Job({ job }) {
  const { run, doing, entity } = job;
  const { state, reason, total, done, failed, left, isWaiting, canStart } = run.progress();
  const isActive = ["running", "stopping"].includes(state);
  const title = `${doing} ${countText(total, "item")} in ${entity.label}`;
  const share = Math.floor(((done + failed) / total) * 10) * 10;
  const said = isActive ? `${share} %` : `${summaryOf(job)}. ${reason}`;
  return html`<section class="job" aria-label=${title}>
    <strong>${isActive ? title : summaryOf(job)}</strong>
    ${isActive
      ? html`<progress max=${total} value=${done + failed} aria-label=${title}></progress>
          <p class="hint">${done + failed} of ${total}${failed > 0 && `, ${failed} not ${job.done}`}${isWaiting && ". Waiting for the API"}</p>`
      : html`${reason && html`<p class="hint">${reason}</p>`}<${Faults} job=${job} />`}
    <div class="buttons">
      ${isActive && html`<${Button} disabled=${state === "stopping"} onClick=${() => run.stop()}>Stop<//>`}
      ${canStart && html`<${Button} kind="button primary" onClick=${job.go}>${left ? `Continue with ${left}` : "Try again"}<//>`}
      ${!isActive && html`<${Button} onClick=${() => report(job)}>Save a report<//>
        <${Button} onClick=${job.dismiss}>Close<//>`}
    </div>
    <p class="visually-hidden" role="status">${said}</p>
  </section>`;
}

function Faults({ job: { run, tasks, nameOf, entity } }) {
  const failed = tasks.map((task, index) => [task, run.outcomes[index]?.problem]).filter(([, problem]) => problem);
  if (!failed.length) return null;
  return html`<details>
    <summary>Why ${countText(failed.length, "item")} ${failed.length === 1 ? "was" : "were"} left out</summary>
    <ul>${failed.slice(0, MAX_FAULTS).map(([task, problem]) => html`<li>${task.id ? html`<a href=${rowHash(entity, task)}>${nameOf(task)}</a>` : nameOf(task)}: <${Text} value=${problemText(problem)} limit=${300} /></li>`)}</ul>
    ${failed.length > MAX_FAULTS && html`<p class="hint">The report has all of them.</p>`}
  </details>`;
}

export function problemText({ detail, errors = [] }) {
  return [detail, ...errors.map(({ pointer, detail }) => `${pointer ?? ""} ${detail}`.trim())].filter(Boolean).join("; ");
}

function report({ run, tasks, done, nameOf, entity, notify }) {
  const rows = tasks.map((task, index) => {
    const answer = run.outcomes[index];
    const result = !answer ? "not sent" : answer.problem ? `not ${done}` : done;
    return [nameOf(task), result, answer?.data?.id ?? task.id ?? "", answer?.problem ? problemText(answer.problem) : ""];
  });
  const table = [["item", "result", "id", "detail"], ...rows];
  saveFile(notify, ({ protect, writeCsv }) => [`${entity.name}-report.csv`, "text/csv", writeCsv(table.map((row) => row.map(protect)))]);
}

// write(module) returns the name, type and text of the file.
async function saveFile(notify, write) {
  try {
    const transfer = await loadModule("./transfer.js");
    transfer.download(...write(transfer));
  } catch (error) {
    notify({ text: error.message, tone: "bad" });
  }
}
