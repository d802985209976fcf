// One item: create, view, edit, delete, and merge concurrent changes.
import { html, useEffect, useErrorBoundary, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { curl, forOwner } from "./api.js";
import { SERVERS_OWN } from "./contract.js";
import { Form, JsonText, fieldId, fitsForm, initialValue, pointerLabel } from "./form.js";
import { isEqual, isObject, mergePatch, mergeThreeWay, own, pointer, setAtPath, stringify, without, writablePart } from "./json.js";
import { isId, propertyNames, titleOf } from "./model.js";
import { NEW, drafts, listPlace, readRoute } from "./place.js";
import { InvalidInput, inWords, ruleAt, validate } from "./rules.js";
import { NeedsAccess, isAccessDenied } from "./session.js";
import { labelOf, truncate } from "./text.js";
import { Button, Choice, CopyButton, Dialog, EmptyState, Field, Icon, Page, Problem, SmallForm, Text, Value, inputAttributes, useChanges, useKeys, withModifier } from "./ui.js";

const TIME = { format: "date-time" };
const HEADING_LENGTH = 120;
const DELETED = { title: "This item was deleted while you edited it", detail: "Your version is in the JSON view. Copy it to create the item again." };
const CHANGED_AGAIN = { title: "Not saved", detail: "The item changed while it was being saved. Save it again." };
const NOT_AN_OBJECT = { pointer: "", detail: "Enter an object: { … }" };

export function ItemView(props) {
  const { entity, route } = props;
  const owner = entity.reachesOwners ? route.query.owner : undefined;
  const api = useMemo(() => forOwner(props.api, owner), [props.api, owner]);
  return route.id === NEW ? html`<${NewItem} ...${props} api=${api} owner=${owner} />` : html`<${StoredItem} key=${owner} ...${props}
    api=${api} owner=${owner} />`;
}

function NewItem(props) {
  const { entity, session, route } = props;
  const { create } = entity.operations;
  useChanges(session.onChange);
  const back = { href: listPlace(entity.name), label: entity.label };
  // A form that the user has begun stays, even if the session ends.
  const isAllowed = useRef(create && drafts.get(draftName(entity, route)) !== null);
  if (create && !session.missingAccess(create.security)) isAllowed.current = true;
  if (!create || !isAllowed.current) {
    return html`<${Page} title=${`New in ${entity.label}`} back=${back}>
      ${create
        ? html`<${NeedsAccess} operation=${create} session=${session} answer=${{}} />`
        : html`<${EmptyState} title="This API cannot create items here"><a class="button" href=${back.href}>Back</a><//>`}
    <//>`;
  }
  return html`<${Editor} ...${props} back=${back} />`;
}

function StoredItem(props) {
  const { entity, api, route, session } = props;
  const { get } = entity.operations;
  const back = { href: listPlace(entity.name), label: entity.label };
  const [answer, setAnswer] = useState(null);
  const load = async () => get && isId(entity, route.id) && setAnswer(await api.call(get, { id: route.id }));
  useEffect(() => {
    load();
    return session.onCallerChange(load);
  }, []);
  const messagePage = (content) => html`<${Page} title=${entity.label} back=${back}>${content}<//>`;
  if (!get) return messagePage(html`<${EmptyState} title="This API does not return single items here" />`);
  if (!answer && isId(entity, route.id)) return messagePage(html`<div class="card waiting" aria-busy="true"></div>`);
  if (answer && isAccessDenied(answer, get)) return messagePage(html`<${NeedsAccess} operation=${get} session=${session} answer=${answer} />`);
  if (answer?.problem && answer.status !== 404) return messagePage(html`<${Problem} problem=${answer.problem} retry=${load} />`);
  // At "/", other paths respond too.
  if (answer?.data?.id !== route.id) {
    return messagePage(html`<${EmptyState} icon="search" title="There is no such item">
      <p>It may have been deleted.</p><a class="button" href=${back.href}>Back to ${entity.label}</a>
    <//>`);
  }
  const View = entity.operations.merge || entity.operations.replace ? Editor : Reader;
  return html`<${View} ...${props} back=${back} stored=${answer} />`;
}

function headingOf(entity, item) {
  if (!item) return { title: `New in ${entity.label}` };
  const title = titleOf(entity, item);
  return { title: html`<${Text} value=${title} limit=${HEADING_LENGTH} />`, label: truncate(title, HEADING_LENGTH) };
}

function Reader({ entity, back, stored, notify, ...props }) {
  const item = stored.data;
  const [view, setView] = useView(props, entity.properties.length > 0 && fitsForm(entity.schema, item));
  const names = [...propertyNames(entity.schema), ...Object.keys(item)].filter((name) => !SERVERS_OWN.includes(name));
  const actions = html`<${ItemActions} ...${props} entity=${entity} item=${item} notify=${notify}
    request=${() => stored.request} />`;
  return html`<${Page} ...${headingOf(entity, item)} back=${back} actions=${actions}>
    <${Views} view=${view} formLabel="Properties" onChange=${setView} />
    <div class="columns">
      ${view === "json"
        ? html`<pre class="code whole" tabindex="0"><${Text} value=${stringify(item, 2)} /></pre>`
        : html`<dl class="card facts">
            ${[...new Set(names)].map((name) => html`<div key=${name}>
              <dt><${Text} value=${labelOf(name)} limit=${80} /></dt>
              <dd><${Value} value=${own(item, name)} schema=${own(entity.schema.properties, name)} /></dd>
            </div>`)}
          </dl>`}
      <${Metadata} item=${item} owner=${stored.headers.get("Item-Owner")} notify=${notify} />
    </div>
  <//>`;
}

function useView({ route, go }, fits) {
  const [view, setView] = useState(() => (fits && route.query.view !== "json" ? "form" : "json"));
  const change = (next) => {
    setView(next);
    go({ ...route, query: { ...route.query, view: next === "json" ? "json" : undefined } }, { replace: true });
  };
  return [view, change];
}

function Views({ view, formLabel = "Form", onChange }) {
  return html`<div class="toolbar"><${Choice} label="View" options=${[["form", formLabel], ["json", "JSON"]]}
    value=${view} onChange=${onChange} /></div>`;
}

function ItemActions({ entity, item, owner, session, go, notify, deletions, request }) {
  const { create } = entity.operations;
  const duplicate = () => {
    const target = { name: entity.name, id: NEW, query: { owner, copy: item.id } };
    drafts.set(draftName(entity, target), { draft: newItem(entity, "", clientPart(item)), id: "" });
    go(target);
  };
  const remove = () => {
    go(readRoute(listPlace(entity.name)));
    deletions.schedule(entity, item, truncate(titleOf(entity, item), 40), { owner });
  };
  return html`
    <${CopyButton} compact text=${() => curl(request())} label="Copy as curl" icon="code" notify=${notify} />
    ${item && create && !session.missingAccess(create.security) && html`<${Button} icon="copy" onClick=${duplicate}>Duplicate<//>`}
    ${item && entity.operations.delete && html`<${Button} kind="button danger" icon="trash" onClick=${remove}>Delete<//>`}
  `;
}

function Metadata({ item, owner, notify }) {
  return html`<aside class="envelope" aria-label="About this item">
    <dl>
      <div><dt>ID</dt><dd><code class="id">${item.id}</code><${CopyButton} compact text=${() => item.id}
        label="Copy the ID" notify=${notify} /></dd></div>
      ${owner && html`<div><dt>Owner</dt><dd><${Text} value=${decodeURIComponent(owner)} /></dd></div>`}
      <div><dt>Created</dt><dd><${Value} value=${item.createdAt} schema=${TIME} /></dd></div>
      <div><dt>Updated</dt><dd><${Value} value=${item.updatedAt} schema=${TIME} /></dd></div>
      <div><dt>Version</dt><dd>${String(item.version)}</dd></div>
    </dl>
    <${CopyButton} text=${() => stringify(item, 2)} label="Copy as JSON" notify=${notify} />
  </aside>`;
}

const clientPart = (item) => SERVERS_OWN.reduce(without, item);

const quotedTitle = (entity, { data }) => `“${truncate(titleOf(entity, data), 40)}”`;

const draftName = (entity, { id, query: { owner, copy } }) => JSON.stringify([entity.name, id, owner, copy]);

function Editor(props) {
  const { entity, api, owner, session, go, notify, route, back } = props;
  const name = draftName(entity, route);
  const [stored, setStored] = useState(props.stored);
  const item = stored?.data;
  const storedState = useMemo(() => stateOf(entity, stored), [stored]);

  const [savedDraft] = useState(() => drafts.get(name));
  const [origin, setOrigin] = useState(item && savedDraft ? savedDraft.origin : storedState);
  const [draft, setDraft] = useState(savedDraft?.draft ?? storedState.base);
  const [id, setId] = useState(savedDraft?.id ?? "");
  const [view, setView] = useView(props, entity.properties.length > 0 && fitsForm(entity.schema, draft));
  const [isSending, setIsSending] = useState(false);
  const [problem, setProblem] = useState(null);
  const [conflict, setConflict] = useState(null);
  const [denied, setDenied] = useState(null);
  useEffect(() => session.onCallerChange(() => setDenied(null)), [session]);
  // Whatever fails as a form can still be edited as JSON.
  useErrorBoundary((error) => {
    console.error(error);
    setView("json");
  });
  useEffect(() => {
    if (problem || denied) scrollTo(0, 0);
  }, [problem, denied]);
  const faults = useFaults(schemaOf(entity, item), draft, id);
  const isDirty = !isEqual(draft, origin.base) || id !== "";
  const discardSaved = useSavedDraft(name, isDirty && { draft, id, origin });
  useEffect(() => {
    if (origin.etag !== storedState.etag) reconcile(stored, origin, draft);
  }, []);
  const isEmpty = !item && !isDirty && (faults.count > 0 || Object.keys(draft).length === 0);
  const canSend = !isSending && (item ? isDirty : !isEmpty);
  useKeys({ "mod+s": () => save(), "mod+enter": () => save() });

  const change = (next) => {
    setProblem(null);
    setDraft((old) => (typeof next === "function" ? next(old) : next) ?? {});
  };
  const discard = () => {
    showStored(stored);
    setId("");
    setProblem(null);
  };
  const showStored = (answer) => {
    const state = stateOf(entity, answer);
    setStored(answer);
    setOrigin(state);
    setDraft(state.base);
    faults.clear();
  };

  const save = (event) => {
    event?.preventDefault();
    if (canSend && !faults.showAll().length) send(origin, draft);
  };
  const send = async (from, value, isAgain = false) => {
    const call = item ? changeRequest(entity, item, from, value) : createRequest(entity, id, value);
    if (call.problem) return setProblem(call.problem);
    setIsSending(true);
    const answer = await api.call(...call.request);
    setIsSending(false);
    if (!answer.problem) {
      if (item) {
        notify({ text: `Saved ${quotedTitle(entity, answer)}` });
        return showStored(answer);
      }
      lastCreate = {};
      notify({ text: `${answer.headers.has("Idempotency-Replayed") ? "Created by your previous attempt:" : "Created"} ${quotedTitle(entity, answer)}` });
      discardSaved();
      go({ name: entity.name, id: answer.data.id, query: { owner } }, { replace: true });
    } else if (answer.status === 412) {
      const latest = await api.call(entity.operations.get, { id: item.id });
      if (latest.problem) setProblem(latest.status === 404 ? DELETED : latest.problem);
      else reconcile(latest, from, value, isAgain ? () => setProblem(CHANGED_AGAIN) : (state, merged) => send(state, merged, true));
    } else if (item && answer.status === 404) {
      setProblem(DELETED);
    } else if (isAccessDenied(answer, call.request[0])) {
      setDenied({ operation: call.request[0], answer });
    } else if (!faults.showErrors(answer)) setProblem(answer.problem);
  };

  // The item has changed since, perhaps by a save whose response was lost: show only the changes of
  // others. onLeft: called if something is left to save.
  const reconcile = (latest, from, value, onLeft) => {
    const { merged, conflicts, changes } = mergeThreeWay(from.base, value, clientPart(latest.data));
    const isReadOnly = ({ path }) => path.some((_, index) => ruleAt(entity.schema, path.slice(0, index + 1).reduce(pointer, "")).readOnly);
    if (conflicts.length || changes.some((each) => each.isTheirs && !isReadOnly(each))) return setConflict(latest);
    const state = stateOf(entity, latest);
    setStored(latest);
    setOrigin(state);
    setDraft(merged);
    if (!isEqual(writablePart(entity.schema, merged), writablePart(entity.schema, state.base))) return onLeft?.(state, merged);
    faults.clear();
    if (onLeft) notify({ text: `Saved ${quotedTitle(entity, latest)}` });
  };
  const applyMerge = (value) => {
    setStored(conflict);
    setOrigin(stateOf(entity, conflict));
    setDraft(value);
    setConflict(null);
    notify({ text: "Merged. Review it, then save." });
  };

  const changeView = (next) => {
    const reason = next === "form" && noFormReason(entity, draft);
    if (reason) notify({ text: reason, tone: "bad" });
    else setView(next);
  };
  const request = () => {
    if (!item) return api.buildRequest(entity.operations.create, { body: newItem(entity, id, draft) });
    const call = isDirty ? changeRequest(entity, item, origin, draft) : {};
    return call.request ? api.buildRequest(...call.request) : stored.request;
  };
  const useOwner = (next) => {
    setDenied(null);
    go({ ...route, query: { owner: next } }, { replace: true });
  };
  const isForm = view === "form";
  return html`<${Page} ...${headingOf(entity, item)} back=${back}
    actions=${html`<${ItemActions} ...${props} item=${item} request=${request} />`}>
    ${denied && html`<div class="card locked" role="alert"><${NeedsAccess} ...${denied} session=${session} />
      ${!item && entity.reachesOwners && html`<${SmallForm} id="new-owner" label="Owner" button="Use this owner" onSend=${useOwner} />`}
    </div>`}
    <${Views} view=${isForm ? "form" : "json"} onChange=${changeView} />
    <div class="columns">
      <form class="editor" onSubmit=${save} novalidate>
        <div class="card">
          ${problem && html`<${Problem} problem=${problem} />`}
          <${Summary} faults=${faults.summary} />
          ${!item && entity.acceptsId && html`<${IdField} rule=${entity.idRule} value=${id} onChange=${setId} faults=${faults} />`}
          ${isForm
            ? html`<${Form} schema=${schemaOf(entity, item)} value=${draft} onChange=${change} faultsAt=${faults.at}
              hasFaultsIn=${faults.isIn} touch=${faults.touch} />`
            : html`<${Field} id="json" label="The item as JSON" faults=${faults.all}>
                <${JsonText} ...${inputAttributes("json", "", faults.all)} rows="18" value=${draft} onChange=${change} />
              <//>`}
        </div>
        <div class="save-bar">
          <button class="button primary" disabled=${!canSend} aria-busy=${isSending ? "true" : undefined}
            title=${withModifier(item ? "S" : "Enter")}>${item ? (isSending ? "Saving …" : "Save") : isSending ? "Creating …" : "Create"}</button>
          ${isDirty && html`<${Button} disabled=${isSending} onClick=${discard}>Discard<//>`}
          ${savedDraft?.origin && isDirty && html`<span class="hint">Restored from your last visit</span>`}
        </div>
      </form>
      ${item && html`<${Metadata} item=${item} owner=${stored.headers.get("Item-Owner")} notify=${notify} />`}
    </div>
    ${conflict && html`<${MergeDialog} schema=${entity.schema} ...${mergeThreeWay(origin.base, draft, clientPart(conflict.data))}
      onMerge=${applyMerge} onClose=${() => setConflict(null)} />`}
  <//>`;
}

const stateOf = (entity, stored) =>
  stored ? { base: clientPart(stored.data), etag: stored.headers.get("ETag") } : { base: initialValue(entity.schema), etag: null };

function noFormReason(entity, draft) {
  if (!isObject(draft)) return "Correct the JSON first";
  return fitsForm(entity.schema, draft) ? null : "This item is too large for the form. Edit it as JSON.";
}

const schemaOf = (entity, item) => (item ? entity.storedSchema : entity.schema);

export const newItem = (entity, id, draft) => ({ ...(id && { id }), ...writablePart(entity.schema, draft) });

/** {request: arguments for api.call}, or {problem} if no operation can make the change. */
export function changeRequest(entity, item, { base, etag }, draft) {
  const { merge, replace } = entity.operations;
  const headers = etag ? { "If-Match": etag } : {};
  const body = writablePart(entity.schema, draft);
  const patch = mergePatch(writablePart(entity.schema, base), body);
  const call = (operation, body) => ({ request: [operation, { id: item.id, headers, body }] });
  if (patch && merge) return call(merge, patch);
  if (replace && !replace.body.partial) return call(replace, body);
  if (patch) return call(replace, patch);
  const detail = "In a merge patch null removes a property, and this API has no operation that replaces a whole item.";
  return { problem: { title: "This API cannot save null", detail } };
}

// The same key for the same new item, so that a retry creates it once.
let lastCreate = {};

function createRequest(entity, id, draft) {
  const body = newItem(entity, id, draft);
  const text = entity.name + stringify(body);
  if (lastCreate.text !== text) lastCreate = { text, key: crypto.randomUUID() };
  return { request: [entity.operations.create, { headers: { "Idempotency-Key": lastCreate.key }, body }] };
}

// Returns a function that discards the draft.
function useSavedDraft(name, draft) {
  const last = useRef(draft);
  const isDone = useRef(false);
  last.current = draft;
  useEffect(() => {
    const saveOrDiscard = () => drafts.set(name, isDone.current ? null : last.current || null);
    addEventListener("pagehide", saveOrDiscard);
    return () => {
      removeEventListener("pagehide", saveOrDiscard);
      saveOrDiscard();
    };
  }, []);
  return () => {
    isDone.current = true;
  };
}

// The validator's faults of fields that were left (or all), and the API's until the value changes.
function useFaults(schema, draft, id) {
  const [touched, setTouched] = useState(new Set());
  const [showsAll, setShowsAll] = useState(false);
  const [serverErrors, setServerErrors] = useState({ draft: null, id: "", errors: [] });
  const names = propertyNames(schema);
  const place = ({ pointer }) => names.indexOf(pointer.split("/")[1]);
  const clientFaults = useMemo(
    () => (isObject(draft) || draft instanceof InvalidInput ? validate(schema, draft).map(inWords(schema)).sort((one, other) => place(one) - place(other)) : [NOT_AN_OBJECT]),
    [schema, draft],
  );
  const serverFaults = serverErrors.draft === draft && serverErrors.id === id ? serverErrors.errors : [];
  const shown = [...clientFaults.filter((fault) => showsAll || touched.has(fault.pointer)), ...serverFaults.map(inWords(schema))];
  return {
    at: (where) => shown.filter((fault) => fault.pointer === where).map((fault) => fault.detail),
    isIn: (where) => shown.some((fault) => fault.pointer.startsWith(`${where}/`)),
    count: clientFaults.length,
    all: clientFaults.slice(0, 20).map(({ pointer, detail }) => (pointer ? `${pointer} ${detail.charAt(0).toLowerCase()}${detail.slice(1)}` : detail)),
    summary: showsAll || serverFaults.length ? shown : [],
    touch: (where) => setTouched((old) => (old.has(where) ? old : new Set(old).add(where))),
    showAll() {
      setShowsAll(true);
      if (clientFaults.length) focusSummary();
      return clientFaults;
    },
    /** Returns whether any error has a pointer. */
    showErrors({ status, problem }) {
      const idTaken = status === 409 && !problem.errors ? [{ pointer: "/id", detail: problem.detail }] : [];
      const errors = [...(problem.errors ?? idTaken)].filter((error) => error.pointer !== undefined);
      setServerErrors({ draft, id, errors });
      if (errors.length) focusSummary();
      return errors.length > 0;
    },
    clear() {
      setShowsAll(false);
      setTouched(new Set());
      setServerErrors({ draft: null, id: "", errors: [] });
    },
  };
}

const focusSummary = () => setTimeout(() => document.getElementById("faults")?.focus());

function Summary({ faults }) {
  if (!faults.length) return null;
  const show = (where) => () => document.getElementById(fieldId(where))?.focus();
  return html`<div class="problem" id="faults" role="alert" tabindex="-1">
    <${Icon} name="warning" />
    <div>
      <strong>${faults.length === 1 ? "One entry needs a correction" : `${faults.length} entries need corrections`}</strong>
      <ul>
        ${faults.slice(0, 20).map(({ pointer, detail }) => html`<li>
          ${pointer && html`
            <${Button} kind="link" onClick=${show(pointer)}><${Text} value=${pointerLabel(pointer)} limit=${80} /><//>${": "}
          `}
          <${Text} value=${detail} limit=${300} />
        </li>`)}
      </ul>
    </div>
  </div>`;
}

function IdField({ rule, value, onChange, faults }) {
  const [id, idFaults] = [fieldId("/id"), faults.at("/id")];
  const hint = `Up to ${rule.maxLength} letters, digits and . _ ~ -. Leave it empty to get a generated one.`;
  return html`<${Field} id=${id} label="ID" hint=${hint} faults=${idFaults}>
    <input ...${inputAttributes(id, hint, idFaults)} class="mono" value=${value} maxlength=${rule.maxLength} spellcheck=${false}
      autocomplete="off" onInput=${(event) => onChange(event.target.value.trim())} />
  <//>`;
}

function MergeDialog({ schema, merged, conflicts, changes, onMerge, onClose }) {
  const [theirs, setTheirs] = useState(new Set());
  const choose = (where, side) => {
    const next = new Set(theirs);
    next[side === "theirs" ? "add" : "delete"](where);
    setTheirs(next);
  };
  const finish = () => {
    const chosen = conflicts.filter(({ pointer }) => theirs.has(pointer));
    onMerge(chosen.reduce((value, conflict) => setAtPath(value, conflict.path, conflict.theirs), merged));
  };
  const listOf = (title, list) => list.length > 0 && html`<section class="field">
    <h3>${title}</h3>
    <dl class="changes">${list.map(({ pointer, before, after }) => html`<div key=${pointer}>
      <dt><${Text} value=${pointerLabel(pointer)} limit=${80} /></dt>
      <dd><del><span class="visually-hidden">before: </span><${Value} value=${before} schema=${ruleAt(schema, pointer)} /></del>
        <ins><span class="visually-hidden">now: </span><${Value} value=${after} schema=${ruleAt(schema, pointer)} /></ins></dd>
    </div>`)}</dl>
  </section>`;
  return html`<${Dialog} title="Someone else has changed this" onClose=${onClose}>
    <div class="dialog-body">
      <p>Nothing is overwritten. ${conflicts.length > 0 ? "Choose a value where you both changed the same property, then review" : "Review"} the result before you save it.</p>
      ${conflicts.map(({ pointer, mine, theirs: their }) => {
        const option = (side, label, value) => html`<label class="side-by-side">
          <input type="radio" name=${pointer} checked=${theirs.has(pointer) === (side === "theirs")}
            onChange=${() => choose(pointer, side)} />
          <span class="label">${label}</span><span><${Value} value=${value} schema=${ruleAt(schema, pointer)} /></span>
        </label>`;
        return html`<fieldset class="conflict" key=${pointer}>
          <legend><${Text} value=${pointerLabel(pointer)} limit=${80} /></legend>
          ${option("mine", "Yours", mine)} ${option("theirs", "Theirs", their)}
        </fieldset>`;
      })}
      ${listOf("Their other changes, which are kept", changes.filter(({ isTheirs }) => isTheirs))}
      ${listOf(conflicts.length ? "Your other changes" : "Your changes", changes.filter(({ isTheirs }) => !isTheirs))}
    </div>
    <footer class="buttons">
      <${Button} onClick=${onClose}>Not now<//>
      <${Button} kind="button primary" onClick=${finish}>Merge<//>
    </footer>
  <//>`;
}
