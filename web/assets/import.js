// Import a table: paste it, assign its columns, see the faults of each row, and create the others.
import { pointerLabel } from "./form.js";
import { own } from "./json.js";
import { MOST, problemText, useJobs } from "./many.js";
import { hashOf } from "./route.js";
import { countText, labelOf } from "./text.js";
import { idempotencyKey, readRows, readTable, suggestMapping, targetsOf } from "./transfer.js";
import { EmptyState, Field, Page, Text, inputAttributes } from "./ui.js";
import { InvalidInput } from "./validate.js";
import { Cell } from "./value.js";
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";

const MAX_BYTES = 5_000_000; // of a file
const MAX_SHOWN = 50; // rows of the preview
const PAUSE_MS = 300;

// By entity, so that leaving the page loses nothing.
const imports = new Map();

export function ImportView({ entity, api, jobs }) {
  useJobs(jobs);
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
      return `${all.length - before} created${before > 0 ? `, ${before} were there from an earlier import` : ""}`;
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
          <button type="button" class="button primary end" disabled=${isRunning || !ready.length} onClick=${start}>${ready.length > 0 ? `Create ${countText(ready.length, "item")}` : "Create"}</button>
        </div>
        <${Preview} entity=${entity} table=${table} mapping=${mapping} rows=${shown} results=${state.results} assign=${assign} />
      `}
    </div>
  <//>`;
}

function Source({ state, change, readFile, faults }) {
  const [text, setText] = useState(state.text);
  const timer = useRef(null);
  // A file's text takes the place of what was typed.
  const before = useRef(state.text);
  useEffect(() => {
    if (before.current !== state.text) setText(state.text);
    before.current = state.text;
  }, [state.text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onInput = (event) => {
    const next = event.target.value;
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => change({ text: next, mapping: null }), PAUSE_MS);
  };
  const hint = `CSV, tab-separated text, JSON lines or a JSON array, up to ${MOST} rows. The first row of a table has the names, an object or array is JSON in one cell, and an empty cell leaves the property out.`;
  return html`<div class="card import-source">
    <${Field} id="import-text" label="Paste a table" hint=${hint} faults=${faults}>
      <textarea ...${inputAttributes("import-text", hint, faults)} class="code" rows="5" spellcheck=${false} autocomplete="off" value=${text} onInput=${onInput}></textarea>
    <//>
    <${Field} id="import-file" label="Or choose a file">
      <input id="import-file" type="file" accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson" onChange=${(event) => readFile(event.target.files[0])} />
    <//>
    <label class="with-label"><input type="checkbox" checked=${state.repeats} onChange=${(event) => change({ repeats: event.target.checked, results: new Map() })} />Create rows again that were imported before</label>
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
            <select aria-label=${`Column ${column || index + 1}`} value=${mapping[index] ?? ""} onChange=${(event) => assign(index, event.target.value || null)}>
              <option value="" selected=${mapping[index] === null}>Leave out</option>
              ${options.map((name) => html`<option key=${name} value=${name} selected=${name === mapping[index]}>${labelOf(name)}</option>`)}
            </select></th>`;
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
  const said = answer.headers.get("Idempotency-Replayed") ? "There from an earlier import" : "Created";
  return html`<a href=${hashOf({ name: entity.name, id: answer.data.id })}>${said}</a>`;
}
