// Select many items, and change, duplicate, delete or export them.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { SERVERS_OWN } from "./contract.js";
import { Form, fieldId } from "./form.js";
import { changeRequest, newItem } from "./item.js";
import { MAX_ITEMS, etagOf, pick, readAll, refresh } from "./jobs.js";
import { isEqual, own, without } from "./json.js";
import { propertyNames, titleOf } from "./model.js";
import { IMPORT, hashOf } from "./place.js";
import { validate } from "./rules.js";
import { EntityView } from "./table.js";
import { countText, labelOf, truncate, visibleText } from "./text.js";
import { Button, Choice, Dialog, Field, Icon, inputAttributes } from "./ui.js";

const MAX_READS = 3; // of an item that others keep changing
export const MOST = MAX_ITEMS.toLocaleString("en-GB");

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
  const focusHeading = () => document.querySelector("main h1").focus();
  const nameOf = ({ item }) => visibleText(truncate(titleOf(entity, item), 60));

  const readMatching = async () => {
    const controller = new AbortController();
    const onProgress = (read) => setReading({ read, stop: () => controller.abort() });
    onProgress(0);
    const { rows: found, hasMore, problem } = await readAll({ api, list, query: { ...query, cursor: undefined }, limit: MAX_ITEMS, signal: controller.signal, onProgress });
    setReading(null);
    if (problem) notify({ text: `Not read. ${problem.detail}`, tone: "bad" });
    else if (hasMore && !controller.signal.aborted) notify({ text: `These are the first ${found.length}. There are more` });
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
    const { download, itemsCsv, jsonLines } = await import("./transfer.js");
    download(`${entity.name}.${format}`, ...(format === "csv" ? ["text/csv", itemsCsv(entity, items)] : ["application/jsonl", jsonLines(items)]));
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
  return html`<div class="bar" role="group" aria-label="Many at once">
    <p role="status">
      ${reading ? `Read ${countText(reading.read, "item")} …` : count > 0 ? `${count} selected${elsewhere > 0 ? `, ${elsewhere} on other pages` : ""}` : ""}
    </p>
    ${reading && button("Stop", reading.stop)}
    ${!reading && count === 0 && rows.length > 0 && html`<${Button} kind="link phone" onClick=${() => selectRows(rows)}>Select all<//>`}
    ${!reading && next && !search && count > 0 && rows.every(({ key }) => selected.has(key)) && elsewhere === 0
      && html`<${Button} kind="link" onClick=${selectMatching}>Select all that match<//>`}
    ${count > 0 && !reading && html`
      <${Button} kind="link" onClick=${() => { clear(); focusHeading(); }}>Clear<//>
      ${deleteOperation && button(html`<${Icon} name="trash" />Delete`, remove, "danger")}
      ${changeOperation(entity) && button("Set a property", () => setDialog("set"))}
      ${create && button("Duplicate", duplicate)}`}
    <span class="end">
      ${button("Export", () => setDialog("export"))}
      ${create && html`<a class="button" href=${hashOf({ name: entity.name, id: IMPORT })}>Import</a>`}
    </span>
    ${dialog === "set" && html`<${SetDialog} entity=${entity} count=${count} items=${chosen.map(({ item }) => item)} onSet=${change} onClose=${() => setDialog(null)} />`}
    ${dialog === "export" && html`<${ExportDialog} what=${isWhole ? `all that match, up to ${MOST}` : countText(count || rows.length, "item")} onExport=${exportAs} onClose=${() => setDialog(null)} />`}
  </div>`;
}

// If others have changed the item, read it again; only their value of this property is kept.
async function changeRow(api, entity, { id, owner, item }, name, value) {
  let [stored, etag] = [item, etagOf(item)];
  for (let reads = 0; ; reads++) {
    const base = SERVERS_OWN.reduce(without, stored);
    const draft = value === undefined ? without(base, name) : { ...base, [name]: value };
    if (isEqual(base, draft)) return { status: 200, data: stored, problem: null };
    const errors = validate(entity.storedSchema, draft);
    if (errors.length) return { problem: { detail: "It would not be valid", errors } };
    const { request, problem } = changeRequest(entity, { id }, { base, etag }, draft);
    if (problem) return { problem };
    const [operation, options] = request;
    const answer = await api.call(operation, { ...options, query: { owner } });
    if (answer.status !== 412) return answer;
    const { get } = entity.operations;
    const latest = get && reads < MAX_READS ? await api.call(get, { id, query: { owner } }) : null;
    if (latest?.problem) return latest;
    const seen = own(item, name);
    if (!latest || !isSame(own(latest.data, name), seen, value)) return { ...answer, problem: CHANGED };
    [stored, etag] = [latest.data, latest.headers.get("ETag")];
  }
}

const isSame = (now, ...others) => others.some((other) => (now === undefined || other === undefined ? now === other : isEqual(now, other)));

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
  const [draft, setDraft] = useState({});
  const [showsFaults, setShowsFaults] = useState(false);
  const isRequired = entity.storedSchema.required?.includes(name);
  const rule = own(schema.properties, name) ?? {};
  const part = { type: "object", properties: { [name]: rule }, required: isRequired ? [name] : [], additionalProperties: false };
  const faults = validate(part, draft);
  const value = own(draft, name);
  const save = (event) => {
    event.preventDefault();
    setShowsFaults(true);
    if (faults.length || !name) document.getElementById(fieldId(`/${name}`))?.focus();
    else onSet(name, value);
  };
  const choose = (next) => {
    setName(next);
    setDraft({});
    setShowsFaults(false);
  };
  const removes = name !== "" && value === undefined && !isRequired;
  const label = removes ? `Remove it from ${countText(count, "item")}` : `Change ${countText(count, "item")}`;
  return html`<${Dialog} title=${`Set a property of ${countText(count, "item")}`} onClose=${onClose}>
    <form class="dialog-body" onSubmit=${save} novalidate>
      <${Field} id="set-name" label="Property">
        <select ...${inputAttributes("set-name")} onChange=${(event) => choose(names[event.target.value] ?? "")}>
          <option value="" selected=${!name}>Choose …</option>
          ${names.map((each, index) => html`<option key=${each} value=${String(index)} selected=${each === name}>${labelOf(each)}</option>`)}
        </select>
      <//>
      ${name && !isRequired && html`<p class="hint">Left empty, it is removed.</p>`}
      ${name && html`<${Form} key=${name} schema=${part} value=${draft} touch=${() => setShowsFaults(true)}
        onChange=${(next) => setDraft((old) => (typeof next === "function" ? next(old) : next))}
        faultsAt=${(where) => (showsFaults ? faults.filter(({ pointer }) => pointer === where).map(({ detail }) => detail) : [])} />`}
      <div class="buttons"><button class=${`button ${removes ? "danger" : "primary"}`} disabled=${!name}>${label}</button></div>
    </form>
  <//>`;
}

function ExportDialog({ what, onExport, onClose }) {
  const [format, setFormat] = useState("csv");
  const options = [{ value: "csv", label: "CSV" }, { value: "jsonl", label: "JSON lines" }];
  return html`<${Dialog} title=${`Export ${what}`} onClose=${onClose}>
    <div class="dialog-body">
      <${Choice} label="Format" value=${format} onChange=${setFormat} options=${options} />
      <p class="hint">${format === "csv"
        ? "For spreadsheets: objects and arrays are JSON in one cell, and text that a spreadsheet would run as a formula begins with an apostrophe, which an import removes."
        : "For programs: one item a line, as the API answers it."}</p>
      <div class="buttons"><${Button} kind="button primary" onClick=${() => onExport(format)}>Export<//></div>
    </div>
  <//>`;
}
