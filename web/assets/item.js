// One item: made, read, changed, deleted.
import { html, useEffect, useErrorBoundary, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { NeedsAccess, wantsAccess } from "./access.js";
import { curl } from "./curl.js";
import { SERVERS_OWN } from "./contract.js";
import { dropDraft, keepDraft, keptDraft } from "./drafts.js";
import { Form, JsonText, beginning, hasRoom, idAt, nameOf, ordered } from "./form.js";
import { isObject, own, same, stringify, without } from "./json.js";
import { MergeDialog } from "./lost-update.js";
import { isId } from "./model.js";
import { mergePatch, threeWay } from "./patch.js";
import { NEW, hashOf } from "./route.js";
import { cut, labelOf, moment } from "./text.js";
import { Choice, CopyButton, Empty, Field, Icon, Page, Problem, Text, describe } from "./ui.js";
import { Unreadable, validate } from "./validate.js";
import { Value } from "./value.js";

const HEADING = 120; // characters of a heading
const GONE = { title: "It was deleted meanwhile", detail: "What you have typed is in the JSON view: copy it to make the item anew." };
const NOT_AN_OBJECT = { pointer: "", detail: "Must be an object" };

export function ItemView(props) {
  return props.route.id === NEW ? html`<${NewItem} ...${props} />` : html`<${StoredItem} ...${props} />`;
}

function NewItem(props) {
  const { entity } = props;
  const back = { href: hashOf({ name: entity.name }), label: entity.label };
  if (!entity.operations.create) {
    return html`<${Page} title=${`New in ${entity.label}`} back=${back}>
      <${Empty} title="This API makes no new ones here"><a class="button" href=${back.href}>Back</a><//>
    <//>`;
  }
  return html`<${Editor} ...${props} back=${back} />`;
}

function StoredItem(props) {
  const { entity, api, route, session } = props;
  const { get } = entity.operations;
  const back = { href: hashOf({ name: entity.name }), label: entity.label };
  const [answer, setAnswer] = useState(null);
  const load = async () => get && isId(entity, route.id) && setAnswer(await api.call(get, { id: route.id }));
  useEffect(() => {
    load();
    return session.subscribe(load);
  }, []);
  const instead = (content) => html`<${Page} title=${entity.label} back=${back}>${content}<//>`;
  if (!get) return instead(html`<${Empty} title="This API reads no single items here" />`);
  if (!answer && isId(entity, route.id)) return instead(html`<div class="card waiting" aria-busy="true"></div>`);
  if (answer && wantsAccess(answer, get)) return instead(html`<${NeedsAccess} operation=${get} session=${session} answer=${answer} />`);
  if (answer?.problem && answer.status !== 404) return instead(html`<${Problem} problem=${answer.problem} retry=${load} />`);
  // Where an entity is at "/", what else is there answers too.
  if (answer?.data?.id !== route.id) {
    return instead(html`<${Empty} icon="search" title="There is no such item">
      <p>It may have been deleted.</p><a class="button" href=${back.href}>Back to ${entity.label}</a>
    <//>`);
  }
  const Shown = entity.operations.merge || entity.operations.replace ? Editor : Reader;
  return html`<${Shown} ...${props} back=${back} stored=${answer} />`;
}

/** What an item is called: its title or name, else its first and last name, else its id. */
export function titleOf(entity, item) {
  const names = entity.columns.map(({ name }) => name);
  const calls = names.some((name) => /^(title|name)$/i.test(name)) ? /^(title|name)$/i : /^(first|last)_?name$/i;
  const words = names.filter((name) => calls.test(name)).map((name) => own(item, name));
  return words.filter((word) => typeof word === "string" && word.trim()).join(" ") || item.id;
}

function headingOf(entity, item) {
  if (!item) return { title: `New in ${entity.label}` };
  const title = titleOf(entity, item);
  return { title: html`<${Text} value=${title} limit=${HEADING} />`, label: cut(title, HEADING) };
}

function Reader({ entity, back, stored, notify, ...props }) {
  const item = stored.data;
  const [view, setView] = useState(() => (hasRoom(entity.schema, item) ? "form" : "json"));
  const names = [...ordered(entity.schema), ...Object.keys(item)].filter((name) => !SERVERS_OWN.includes(name));
  const actions = html`<${ItemActions} ...${props} entity=${entity} item=${item} notify=${notify}
    request=${() => stored.request} />`;
  return html`<${Page} ...${headingOf(entity, item)} back=${back} actions=${actions}>
    <${Views} view=${view} first="Properties" onChange=${setView} />
    <div class="columns">
      ${view === "json"
        ? html`<pre class="code whole" tabindex="0"><${Text} value=${stringify(item, 2)} /></pre>`
        : html`<dl class="card facts">
            ${[...new Set(names)].map((name) => html`<div key=${name}>
              <dt><${Text} value=${labelOf(name)} limit=${80} /></dt>
              <dd><${Value} value=${own(item, name)} schema=${own(entity.schema.properties, name)} /></dd>
            </div>`)}
          </dl>`}
      <${Envelope} item=${item} notify=${notify} />
    </div>
  <//>`;
}

function Views({ view, first = "Form", onChange }) {
  const options = [
    { value: "form", label: first },
    { value: "json", label: "JSON" },
  ];
  return html`<div class="toolbar"><${Choice} label="View" options=${options} value=${view} onChange=${onChange} /></div>`;
}

function ItemActions({ entity, item, go, notify, deletions, request }) {
  const remove = () => {
    go({ name: entity.name });
    deletions.remove(entity, item, cut(titleOf(entity, item), 40));
  };
  return html`
    <${CopyButton} text=${() => curl(request())} label="Copy as curl" icon="code" notify=${notify} />
    ${item && entity.operations.delete && html`<button type="button" class="button danger" onClick=${remove}><${Icon} name="trash" />Delete</button>`}
  `;
}

function Envelope({ item, notify }) {
  return html`<aside class="envelope" aria-label="About this item">
    <dl>
      <div><dt>ID</dt><dd><code>${item.id}</code><${CopyButton} compact text=${() => item.id} label="Copy the ID" notify=${notify} /></dd></div>
      <div><dt>Created</dt><dd><time datetime=${item.createdAt} title=${item.createdAt}>${moment(item.createdAt)}</time></dd></div>
      <div><dt>Updated</dt><dd><time datetime=${item.updatedAt} title=${item.updatedAt}>${moment(item.updatedAt)}</time></dd></div>
      <div><dt>Version</dt><dd>${String(item.version)}</dd></div>
    </dl>
    <${CopyButton} text=${() => stringify(item, 2)} label="Copy as JSON" notify=${notify} />
  </aside>`;
}

// The client's part of an item.
const documentOf = (item) => SERVERS_OWN.reduce(without, item);

// stored: the answer that the item was read by; none for a new one.
function Editor(props) {
  const { entity, api, session, go, notify, route, back } = props;
  const name = `${entity.name}/${route.id}`;
  const [stored, setStored] = useState(props.stored);
  const item = stored?.data;
  const latest = useMemo(() => stateOf(entity, stored), [stored]);

  const [kept] = useState(() => keptDraft(name));
  // What the draft was made from: a state that may no longer be the item's.
  const [origin, setOrigin] = useState(item && kept ? kept.origin : latest);
  const [draft, setDraft] = useState(kept?.draft ?? latest.base);
  const [id, setId] = useState(kept?.id ?? "");
  const [view, setView] = useState(() => (hasRoom(entity.schema, draft) ? "form" : "json"));
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState(null);
  const [lost, setLost] = useState(null);
  const [locked, setLocked] = useState(null);
  useEffect(() => session.subscribe(() => setLocked(null)), [session]);
  // What no form can be made of can still be changed as JSON.
  useErrorBoundary((error) => {
    console.error(error);
    setView("json");
  });
  const judged = useFaults(schemaOf(entity, item), draft, id);
  const dirty = !same(draft, origin.base) || id !== "";
  const forget = useKept(name, dirty && { draft, id, origin });
  useEffect(() => {
    if (origin.etag !== latest.etag) setLost(stored);
  }, []);

  const change = (next) => {
    setProblem(null);
    setDraft((old) => (typeof next === "function" ? next(old) : next) ?? {});
  };
  const discard = () => {
    settle(stored);
    setId("");
    setProblem(null);
  };
  const settle = (answer) => {
    const state = stateOf(entity, answer);
    setStored(answer);
    setOrigin(state);
    setDraft(state.base);
    judged.clear();
  };

  const save = async (event) => {
    event.preventDefault();
    if (judged.showAll().length) return;
    const call = item ? changing(entity, item, origin, draft) : creating(entity, id, draft);
    if (call.problem) return setProblem(call.problem);
    setSending(true);
    const answer = await api.call(...call.request);
    setSending(false);
    if (!answer.problem) {
      if (item) {
        notify({ text: "Saved" });
        return settle(answer);
      }
      sent = {};
      notify({ text: answer.headers.has("Idempotency-Replayed") ? "It was created by the try before" : "Created" });
      forget();
      go({ name: entity.name, id: answer.data.id }, { replace: true });
    } else if (answer.status === 412) {
      await compare();
    } else if (item && answer.status === 404) {
      setProblem(GONE);
    } else if (wantsAccess(answer, call.request[0])) {
      setLocked({ operation: call.request[0], answer });
      scrollTo(0, 0);
    } else if (!judged.refused(answer)) setProblem(answer.problem);
  };

  const compare = async () => {
    const answer = await api.call(entity.operations.get, { id: item.id });
    if (answer.problem) setProblem(answer.status === 404 ? GONE : answer.problem);
    else setLost(answer);
  };
  const merged = (value) => {
    setStored(lost);
    setOrigin(stateOf(entity, lost));
    setDraft(value);
    setLost(null);
    notify({ text: "Merged: look it over, then save" });
  };

  const look = (next) => {
    const refusal = next === "form" && formless(entity, draft);
    if (refusal) notify({ text: refusal, tone: "bad" });
    else setView(next);
  };
  const request = () => {
    if (!item) return api.request(entity.operations.create, { body: newItem(id, draft) });
    const call = dirty ? changing(entity, item, origin, draft) : {};
    return call.request ? api.request(...call.request) : stored.request;
  };
  const isForm = view === "form";
  return html`<${Page} ...${headingOf(entity, item)} back=${back}
    actions=${html`<${ItemActions} ...${props} item=${item} request=${request} />`}>
    ${locked && html`<div class="card locked" role="alert"><${NeedsAccess} ...${locked} session=${session} /></div>`}
    <${Views} view=${isForm ? "form" : "json"} onChange=${look} />
    <div class="columns">
      <form class="editor" onSubmit=${save} novalidate>
        <div class="card">
          ${problem && html`<${Problem} problem=${problem} />`}
          <${Summary} faults=${judged.summary} />
          ${!item && entity.choosesId && html`<${IdField} rule=${entity.idRule} value=${id} onChange=${setId} judged=${judged} />`}
          ${isForm
            ? html`<${Form} schema=${schemaOf(entity, item)} value=${draft} onChange=${change} faultsAt=${judged.at} touch=${judged.touch} />`
            : html`<${Field} id="json" label="The item as JSON" faults=${judged.all}>
                <${JsonText} ...${describe("json", "", judged.all)} rows="18" value=${draft} onChange=${change} />
              <//>`}
        </div>
        <div class="save-bar">
          <button class="button primary" disabled=${sending || (item && !dirty)}>${item ? "Save" : "Create"}</button>
          ${dirty && html`<button type="button" class="button" onClick=${discard}>Discard</button>`}
          ${kept && dirty && html`<span class="hint">What you typed before is still here.</span>`}
        </div>
      </form>
      ${item && html`<${Envelope} item=${item} notify=${notify} />`}
    </div>
    ${lost && html`<${MergeDialog} schema=${entity.schema} ...${threeWay(origin.base, draft, documentOf(lost.data))}
      onMerge=${merged} onClose=${() => setLost(null)} />`}
  <//>`;
}

// What an answer says of the item: the client's part, and the tag of its state.
const stateOf = (entity, stored) =>
  stored ? { base: documentOf(stored.data), etag: stored.headers.get("ETag") } : { base: beginning(entity.schema), etag: null };

// Why there can be no form of a draft, if there can not.
function formless(entity, draft) {
  if (!isObject(draft)) return "Put the JSON right first: a form can not show it";
  return hasRoom(entity.schema, draft) ? null : "This holds too much for a form: change it as JSON";
}

const schemaOf = (entity, item) => (item ? entity.stored : entity.schema);

const newItem = (id, draft) => (id ? { id, ...draft } : draft);

// {request: arguments for api.call}, or {problem} for a change that no request can make.
function changing(entity, item, { base, etag }, draft) {
  const { merge, replace } = entity.operations;
  const headers = etag ? { "If-Match": etag } : {};
  const patch = mergePatch(base, draft);
  const call = (operation, body) => ({ request: [operation, { id: item.id, headers, body }] });
  if (patch && merge) return call(merge, patch);
  if (replace && !replace.body.partial) return call(replace, draft);
  if (patch) return call(replace, patch);
  const detail = "A change that is null takes a property away, and this API has no request that replaces an item whole.";
  return { problem: { title: "Null can not be saved here", detail } };
}

// The same key for the same item: created once, even when the answer is lost and the form is sent again.
// Once that is said, an equal item is another one.
let sent = {};

function creating(entity, id, draft) {
  const body = newItem(id, draft);
  const text = entity.name + stringify(body);
  if (sent.text !== text) sent = { text, key: crypto.randomUUID() };
  return { request: [entity.operations.create, { headers: { "Idempotency-Key": sent.key }, body }] };
}

// Keeps the draft when the view or the page goes; gives a function after which it is not.
function useKept(name, draft) {
  const last = useRef(draft);
  const over = useRef(false);
  last.current = draft;
  useEffect(() => {
    const keep = () => (last.current && !over.current ? keepDraft(name, last.current) : dropDraft(name));
    addEventListener("pagehide", keep);
    return () => {
      removeEventListener("pagehide", keep);
      keep();
    };
  }, []);
  return () => {
    over.current = true;
  };
}

// The faults of a draft: our own judge's once a field was left or all are wanted, and the API's until the value is changed.
function useFaults(schema, draft, id) {
  const [touched, setTouched] = useState(new Set());
  const [all, setAll] = useState(false);
  const [theirs, setTheirs] = useState({ of: null, id: "", errors: [] });
  const ours = useMemo(() => (isObject(draft) || draft instanceof Unreadable ? validate(schema, draft) : [NOT_AN_OBJECT]), [schema, draft]);
  const told = theirs.of === draft && theirs.id === id ? theirs.errors : [];
  const shown = [...ours.filter((fault) => all || touched.has(fault.pointer)), ...told];
  return {
    at: (where) => shown.filter((fault) => fault.pointer === where).map((fault) => fault.detail),
    all: ours.slice(0, 20).map(({ pointer, detail }) => (pointer ? `${pointer} ${detail.charAt(0).toLowerCase()}${detail.slice(1)}` : detail)),
    summary: all || told.length ? shown : [],
    touch: (where) => setTouched((old) => (old.has(where) ? old : new Set(old).add(where))),
    showAll() {
      setAll(true);
      if (ours.length) focusSummary();
      return ours;
    },
    /** Whether the API has said where the faults are. */
    refused({ status, problem }) {
      const taken = status === 409 && !problem.errors ? [{ pointer: "/id", detail: problem.detail }] : [];
      const errors = [...(problem.errors ?? taken)].filter((error) => error.pointer !== undefined);
      setTheirs({ of: draft, id, errors });
      if (errors.length) focusSummary();
      return errors.length > 0;
    },
    clear() {
      setAll(false);
      setTouched(new Set());
      setTheirs({ of: null, id: "", errors: [] });
    },
  };
}

const focusSummary = () => setTimeout(() => document.getElementById("faults")?.focus());

function Summary({ faults }) {
  if (!faults.length) return null;
  const show = (where) => () => document.getElementById(idAt(where))?.focus();
  return html`<div class="problem" id="faults" role="alert" tabindex="-1">
    <${Icon} name="warning" />
    <div>
      <strong>${faults.length === 1 ? "One thing is not right yet" : `${faults.length} things are not right yet`}</strong>
      <ul>
        ${faults.slice(0, 20).map(({ pointer, detail }) => html`<li>
          ${pointer && html`
            <button type="button" class="link" onClick=${show(pointer)}><${Text} value=${nameOf(pointer)} limit=${80} /></button>${": "}
          `}
          <${Text} value=${detail} limit=${300} />
        </li>`)}
      </ul>
    </div>
  </div>`;
}

function IdField({ rule, value, onChange, judged }) {
  const faults = judged.at("/id");
  const hint = `Up to ${rule.maxLength} letters, digits and . _ ~ -; left empty, the API makes one.`;
  return html`<div class="field">
    <label class="label" for=${idAt("/id")}>ID</label>
    <input id=${idAt("/id")} class="mono" value=${value} maxlength=${rule.maxLength} spellcheck=${false} autocomplete="off" aria-describedby="id-hint"
      aria-invalid=${faults.length ? "true" : undefined} onInput=${(event) => onChange(event.target.value.trim())} />
    <p class="hint" id="id-hint">${hint}</p>
    ${faults.length > 0 && html`<p class="fault">${faults.join(". ")}</p>`}
  </div>`;
}
