// Export and import items. Numbers keep their digits.
import { html, useEffect, useMemo, useState } from "./vendor/htm-preact.js";
import { SERVERS_OWN } from "./contract.js";
import { pointerLabel } from "./form.js";
import { isObject, own, parse, stringify, without, writablePart } from "./json.js";
import { MAX_ITEMS, MOST, problemText } from "./many.js";
import { isId, propertyNames } from "./model.js";
import { hashOf } from "./place.js";
import { InvalidInput, inWords, validate } from "./rules.js";
import { countText, labelOf } from "./text.js";
import { Button, Cell, EmptyState, Field, Page, Select, Text, inputAttributes, useChanges, useTyped } from "./ui.js";

const DELIMITERS = ["\t", ";", ","];

// Text that spreadsheets run, also after apostrophes that prevent it.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** isOpen: a quote is never closed. */
export function readCsv(text, delimiter = delimiterOf(text)) {
  const records = [];
  const terminator = new RegExp(`${delimiter}|\r\n?|\n|$`, "g");
  let [at, line] = [0, 1];
  let record = { line, cells: [], isOpen: false };
  while (at < text.length || record.cells.length) {
    const isQuoted = text[at] === '"';
    let cell = "";
    for (let inQuotes = isQuoted; inQuotes; ) {
      const close = text.indexOf('"', at + 1);
      record.isOpen ||= close < 0;
      cell += text.slice(at + 1, close < 0 ? text.length : close);
      at = close < 0 ? text.length : close + 1;
      inQuotes = text[at] === '"';
      if (inQuotes) cell += '"';
    }
    terminator.lastIndex = at;
    const { 0: end, index } = terminator.exec(text);
    cell += text.slice(at, index);
    at = index + end.length;
    line += cell.split(/\r\n?|\n/).length - 1;
    record.cells.push({ text: cell, isQuoted });
    if (end === delimiter) continue;
    if (record.cells.length > 1 || cell || isQuoted) records.push(record);
    record = { line: ++line, cells: [], isOpen: false };
  }
  return records;
}

export function writeCsv(rows) {
  return rows.map((cells) => `${cells.map(quote).join()}\r\n`).join("");
}

export function protect(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

function unprotect(text) {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

function quote(text) {
  if (text === undefined) return "";
  return text === "" || /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function delimiterOf(text) {
  const [first] = text.replace(/"[^"]*"/g, "").split(/[\r\n]/, 1);
  const count = (delimiter) => first.split(delimiter).length;
  return DELIMITERS.reduce((best, each) => (count(each) >= count(best) ? each : best));
}

const BOOLEANS = { true: true, yes: true, 1: true, false: false, no: false, 0: false };

export function jsonLines(items) {
  return items.map((item) => `${stringify(item)}\n`).join("");
}

/** Items as CSV. The byte order mark tells spreadsheets that it is UTF-8. */
export function itemsCsv(entity, items) {
  const [id, ...others] = SERVERS_OWN;
  const names = new Set([...propertyNames(entity.schema), ...items.flatMap(Object.keys)]);
  const columns = [id, ...[...names].filter((name) => !SERVERS_OWN.includes(name)), ...others];
  const rows = items.map((item) => columns.map((name) => cellText(own(item, name), ruleOf(entity, name))));
  return `\ufeff${writeCsv([columns.map(protect), ...rows])}`;
}

export function cellText(value, rule) {
  if (typeof value !== "string") return value === undefined ? undefined : stringify(value);
  const text = protect(value);
  return value === "" || cellValue({ text }, rule) === value ? text : stringify(value);
}

export function cellValue({ text, isQuoted }, rule) {
  const types = rule.type === undefined ? null : [rule.type].flat();
  const takesText = !types || types.includes("string");
  if (text === "") return isQuoted && takesText ? "" : undefined;
  const plain = unprotect(text);
  if (String(types) === "string" && !rule.nullable) return plain;
  if (rule.enum?.includes(plain)) return plain;
  const word = plain.trim();
  if (!takesText && types.includes("boolean") && Object.hasOwn(BOOLEANS, word.toLowerCase())) return BOOLEANS[word.toLowerCase()];
  let value;
  try {
    value = parse(word);
  } catch {
    if (takesText) return plain;
    const kind = { boolean: "true or false", integer: "a whole number", number: "a number" }[types[0]] ?? "JSON";
    return new InvalidInput(text, `Must be ${kind}`);
  }
  const fits = !types || typeof value === "string" || !validate({ type: types, nullable: rule.nullable }, value).length;
  return fits || !takesText ? value : plain;
}

/** Cells are {text, isQuoted}, or {value} in JSON. */
export function readTable(text) {
  const whole = text.replace(/^\ufeff/, "");
  const table = /^\s*[[{]/.test(whole) ? readJson(whole) : readRecords(whole);
  if (table.rows.length <= MAX_ITEMS) return table;
  return { ...table, rows: [], fault: `It has ${table.rows.length} rows. An import takes ${MAX_ITEMS}: split it` };
}

function readRecords(text) {
  const records = readCsv(text);
  if (!records.length) return { columns: [], rows: [] };
  const first = records[0].cells;
  const columns = first.map((cell) => cell.text.trim());
  const rows = records.slice(1).map(({ line, cells, isOpen }) => {
    const size = `Has ${cells.length} cells; the first row has ${columns.length}`;
    return { line, cells, fault: isOpen ? "A quote is never closed" : cells.length === columns.length ? undefined : size };
  });
  return { columns: columns.map(unprotect), rows };
}

function readJson(text) {
  let found;
  try {
    const whole = parse(text);
    // A response of the API has the items in it.
    const items = Array.isArray(own(whole, "items")) && Object.hasOwn(whole, "next") ? whole.items : [whole].flat();
    found = items.map((value, index) => ({ line: index + 1, value }));
  } catch (error) {
    if (/^\s*\[/.test(text)) return { columns: [], rows: [], fault: `Not valid JSON: ${error.message}` };
    found = text.split("\n").map(readLine).filter(Boolean);
  }
  const columns = [...new Set(found.flatMap(({ value }) => (isObject(value) ? Object.keys(value) : [])))];
  const rows = found.map(({ line, value, fault }) => ({
    line,
    cells: isObject(value) ? columns.map((name) => ({ value: own(value, name) })) : [],
    fault: fault ?? (isObject(value) ? undefined : "Must be an object"),
  }));
  return { columns, rows };
}

function readLine(text, index) {
  if (!text.trim()) return null;
  try {
    return { line: index + 1, value: parse(text) };
  } catch (error) {
    return { line: index + 1, fault: `Not valid JSON: ${error.message}` };
  }
}

/** isOpen: other names too. */
function targetsOf({ schema, acceptsId }) {
  const names = propertyNames(schema).filter((name) => !schema.properties[name].readOnly);
  return { names: [...(acceptsId ? ["id"] : []), ...names], isOpen: (schema.additionalProperties ?? true) !== false };
}

export function suggestMapping(entity, columns) {
  const { names, isOpen } = targetsOf(entity);
  const plain = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  const taken = new Set(columns.filter((column) => names.includes(column)));
  return columns.map((column) => {
    if (names.includes(column)) return column;
    if (SERVERS_OWN.includes(column)) return null;
    const found = names.find((name) => !taken.has(name) && plain(column) && [name, labelOf(name)].map(plain).includes(plain(column)));
    if (found) taken.add(found);
    return found ?? (isOpen && column ? column : null);
  });
}

function readRow(entity, mapping, { cells, fault }) {
  if (fault) return { body: {}, faults: [{ pointer: "", detail: fault }] };
  const entries = mapping.flatMap((name, index) => {
    if (name === null) return [];
    const cell = cells[index];
    const value = "value" in cell ? cell.value : cellValue(cell, ruleOf(entity, name));
    return value === undefined ? [] : [[name, value]];
  });
  const body = writablePart(entity.schema, Object.fromEntries(entries));
  const id = entity.acceptsId ? own(body, "id") : undefined;
  const idFaults = id === undefined || (typeof id === "string" && isId(entity, id)) ? [] : [{ pointer: "/id", detail: "May contain only letters, digits and . _ ~ -" }];
  return { body, faults: [...idFaults, ...validate(entity.schema, entity.acceptsId ? without(body, "id") : body).map(inWords(entity.schema))] };
}

/** identity is unique in the table. */
export function readRows(entity, mapping, rows) {
  const seen = new Map();
  return rows.map((row) => {
    const { body, faults } = readRow(entity, mapping, row);
    // Correcting a faulty row must not change the others' identities.
    const text = faults.length ? `line ${row.line}` : stringify(body);
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return { line: row.line, body, faults, identity: `${count} ${text}` };
  });
}

/** The same key for a repeated import. */
export async function idempotencyKey(scope, identity) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${scope} ${identity}`));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function ruleOf({ schema }, name) {
  if (name === "id") return { type: "string" };
  const rule = own(schema.properties, name) ?? schema.additionalProperties;
  return isObject(rule) ? rule : {};
}

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// --- import ---

const MAX_BYTES = 5_000_000;
const MAX_SHOWN = 50;
const PAUSE_MS = 300;

// By entity, so that leaving the page loses nothing.
const imports = new Map();

export function ImportView({ entity, api, jobs }) {
  useChanges(jobs.subscribe);
  const [state, setState] = useState(() => imports.get(entity.name) ?? { text: "", mapping: null, repeats: false, results: new Map() });
  const [fault, setFault] = useState("");
  const change = (changes) => setState((old) => ({ ...old, ...changes }));
  useEffect(() => {
    imports.set(entity.name, state);
  }, [state]);
  const { create } = entity.operations;
  const table = useMemo(() => readTable(state.text), [state.text]);
  const mapping = state.mapping?.length === table.columns.length ? state.mapping : suggestMapping(entity, table.columns);
  const rows = useMemo(() => readRows(entity, mapping, table.rows), [table, JSON.stringify(mapping)]);
  const back = { href: hashOf({ name: entity.name }), label: entity.label };
  if (!create) return html`<${Page} title="Import" back=${back}><${EmptyState} title="This API cannot create these items" /><//>`;

  const isDone = (row) => state.results.get(row.identity)?.problem === null;
  const ready = rows.filter((row) => !row.faults.length && !isDone(row));
  const faulty = rows.filter((row) => row.faults.length || state.results.get(row.identity)?.problem);
  const isRunning = jobs.all().some(({ entity: other, doing, run }) => other.name === entity.name && doing === "Importing" && ["running", "stopping"].includes(run.progress().state));

  const start = () => {
    const { results } = state;
    const scope = `${entity.name} ${state.repeats ? crypto.randomUUID() : ""}`;
    const send = async (row) => {
      const headers = { "Idempotency-Key": await idempotencyKey(scope, row.identity) };
      const answer = await api.call(create, { headers, body: row.body });
      if (answer.status && ![401, 429, 503].includes(answer.status)) results.set(row.identity, answer);
      return answer;
    };
    const summary = ({ outcomes }) => {
      const all = outcomes.filter((answer) => answer && !answer.problem);
      const before = all.filter(({ headers }) => headers.get("Idempotency-Replayed")).length;
      return `${all.length - before} created${before > 0 ? `, ${before} from an earlier import` : ""}`;
    };
    jobs.start({ entity, doing: "Importing", done: "created", tasks: ready, send, nameOf: ({ line }) => `Row ${line}`, summary });
  };
  const readFile = async (file) => {
    if (!file) return;
    setFault(file.size > MAX_BYTES ? "The file is larger than 5 MB. Split it." : "");
    if (file.size <= MAX_BYTES) change({ text: await file.text(), mapping: null });
  };
  const assign = (index, name) => change({ mapping: mapping.map((other, at) => (at === index ? name : other === name ? null : other)) });
  const shown = [...new Set([...faulty, ...rows])];
  return html`<${Page} title=${`Import into ${entity.label}`} back=${back}>
    <div class="import">
      <${Source} state=${state} change=${change} readFile=${readFile} faults=${[fault || table.fault].filter(Boolean)} />
      ${rows.length > 0 && html`
        <div class="bar">
          <p role="status">${countText(ready.length, "row")} to create${faulty.length > 0 ? `, ${faulty.length} with faults` : ""}${rows.length - ready.length - faulty.length > 0 ? `, ${rows.length - ready.length - faulty.length} done` : ""}</p>
          <${Button} kind="button primary end" disabled=${isRunning || !ready.length}
            onClick=${start}>${ready.length > 0 ? `Create ${countText(ready.length, "item")}` : "Create"}<//>
        </div>
        <${Preview} entity=${entity} table=${table} mapping=${mapping} rows=${shown} results=${state.results} assign=${assign} />
      `}
    </div>
  <//>`;
}

function Source({ state, change, readFile, faults }) {
  const { text, type } = useTyped(state.text, PAUSE_MS);
  const apply = (next) => change({ text: next, mapping: null });
  const hint = `CSV, tab-separated text, JSON lines or a JSON array, up to ${MOST} rows. The first row contains the property names. Objects and arrays are JSON in one cell. An empty cell omits the property.`;
  return html`<div class="card import-source">
    <${Field} id="import-text" label="Paste a table" hint=${hint} faults=${faults}>
      <textarea ...${inputAttributes("import-text", hint, faults)} class="code" rows="5" spellcheck=${false}
        autocomplete="off" value=${text} onInput=${(event) => type(event.target.value, apply)}></textarea>
    <//>
    <${Field} id="import-file" label="Or choose a file">
      <input id="import-file" type="file" accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson"
        onChange=${(event) => readFile(event.target.files[0])} />
    <//>
    <label class="with-label"><input type="checkbox" checked=${state.repeats}
      onChange=${(event) => change({ repeats: event.target.checked, results: new Map() })} />Create rows again that were imported before</label>
  </div>`;
}

function Preview({ entity, table, mapping, rows, results, assign }) {
  const { names, isOpen } = targetsOf(entity);
  return html`<div class="table-frame" tabindex="0" role="region" aria-label="Preview">
    <table class="preview">
      <thead><tr>
        <th scope="col">Row</th>
        <th scope="col" class="result">Result</th>
        ${table.columns.map((column, index) => {
          const options = [...new Set([...names, ...(isOpen && column ? [column] : [])])];
          return html`<th key=${index} scope="col"><${Text} value=${column || "–"} limit=${40} />
            <${Select} aria-label=${`Column ${column || index + 1}`} value=${mapping[index] ?? ""}
              onChange=${(name) => assign(index, name || null)}
              options=${[["", "Leave out"], ...options.map((name) => [name, labelOf(name)])]} /></th>`;
        })}
      </tr></thead>
      <tbody>${rows.slice(0, MAX_SHOWN).map((row) => html`<tr key=${row.line}>
        <td>${row.line}</td>
        <td class="result"><${Result} entity=${entity} row=${row} answer=${results.get(row.identity)} /></td>
        ${mapping.map((name, index) => html`<td key=${index}>${name !== null && html`<${PreviewCell} value=${own(row.body, name)} rule=${own(entity.schema.properties, name)} />`}</td>`)}
      </tr>`)}</tbody>
    </table>
  </div>
  ${rows.length > MAX_SHOWN && html`<p class="hint">The first ${MAX_SHOWN} of ${rows.length} rows are shown.</p>`}`;
}

function PreviewCell({ value, rule = {} }) {
  if (value instanceof InvalidInput) return html`<span class="fault"><${Text} value=${value.text} limit=${60} /></span>`;
  return html`<${Cell} value=${value} schema=${rule} />`;
}

function Result({ entity, row, answer }) {
  if (row.faults.length) {
    return html`<ul class="fault">${row.faults.slice(0, 5).map(({ pointer, detail }) => html`<li><${Text} value=${pointer ? `${pointerLabel(pointer)}: ${detail}` : detail} limit=${200} /></li>`)}</ul>`;
  }
  if (!answer) return "";
  if (answer.problem) return html`<span class="fault"><${Text} value=${problemText(answer.problem)} limit=${300} /></span>`;
  const said = answer.headers.get("Idempotency-Replayed") ? "Created by an earlier import" : "Created";
  return html`<a href=${hashOf({ name: entity.name, id: answer.data.id })}>${said}</a>`;
}
