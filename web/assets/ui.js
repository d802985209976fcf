// Components and hooks that the views share.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isNumber, isObject, stringify } from "./json.js";
import { NEW, createStore } from "./place.js";
import { localNumber } from "./rules.js";
import { countText, dateText, dateTimeText, truncate, visiblePieces, visibleText } from "./text.js";

const ICONS = {
  columns: "M4 5h16v14H4zm5.5 0v14m5-14v14",
  back: "m15 6-6 6 6 6",
  book: "M12 6c-2-1.5-5-2-8-2v14c3 0 6 .5 8 2 2-1.5 5-2 8-2V4c-3 0-6 .5-8 2Zm0 0v14",
  check: "m5 12.5 4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  code: "m8 7-5 5 5 5m8-10 5 5-5 5",
  copy: "M9 9h10v11H9zM5 15V4h10",
  down: "m6 9 6 6 6-6",
  edit: "m4 20 1-4L16 5l3 3L8 19zM14 7l3 3",
  forward: "m9 6 6 6-6 6",
  home: "M4 11 12 4l8 7M6 10v10h12V10",
  inbox: "M4 13 7 5h10l3 8v6H4zm0 0h5l1 3h4l1-3h5",
  key: "M14.5 9.5 21 3m-3 3 2.5 2.5M11 16a4 4 0 1 1-8 0 4 4 0 0 1 8 0Zm-1-3 4.5-4.5",
  keyboard: "M3 6h18v12H3zm4 4h.01M11 10h.01M15 10h.01M18 10h.01M8 14h8",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  out: "M14 4h5v16h-5M10 12H4m3-3-3 3 3 3",
  plus: "M12 5v14M5 12h14",
  refresh: "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
  search: "m20 20-4.5-4.5M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0Z",
  table: "M4 5h16v14H4zm0 5h16M10 10v9",
  trash: "M5 7h14M10 7V4h4v3m3 0-1 13H8L7 7m3.5 4v5m3-5v5",
  up: "m6 15 6-6 6 6",
  user: "M16 8a4 4 0 1 1-8 0 4 4 0 0 1 8 0ZM4 20c1-4 4-6 8-6s7 2 8 6",
  warning: "M12 4 2.5 20h19zM12 10v4.5m0 2.5v.01",
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${ICONS[name]} /></svg>`;
}

/** kind: its classes. */
export function Button({ kind = "button", icon, children, ...attributes }) {
  return html`<button type="button" class=${kind} ...${attributes}>${icon && html`<${Icon} name=${icon} />`}${children}</button>`;
}

export function IconButton({ icon, label, title = label, kind = "icon-button", ...attributes }) {
  return html`<${Button} kind=${kind} icon=${icon} aria-label=${label} title=${title} ...${attributes} />`;
}

/** Isolated from the direction of its surroundings. */
export function Text({ value, limit = Infinity }) {
  const shown = truncate(value, limit);
  return html`<bdi>
    ${visiblePieces(shown).map((piece) =>
      typeof piece === "string" ? piece : html`<span class="mark" title="Invisible character">${piece.mark}</span>`,
    )}${shown.length < value.length ? "…" : ""}
  </bdi>`;
}

/** A view. Its heading takes the focus if nothing has it. */
export function Page({ title, label = title, back, actions, isTable = false, children }) {
  const heading = useRef(null);
  useLayoutEffect(() => {
    if (document.activeElement === document.body) heading.current.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    document.title = `${visibleText(label)} · ${document.body.dataset.name}`;
  }, [label]);
  return html`<div class=${isTable ? "page fit" : "page"}>
    <header class="page-head">
      ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.label}</a>`}
      <h1 ref=${heading} tabindex="-1">${title}</h1>
      <div class="actions">${actions}</div>
    </header>
    ${children}
  </div>`;
}

export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const { current } = dialog;
    current.showModal();
    return () => current.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog class="dialog" ref=${dialog} aria-labelledby="dialog-title" onCancel=${cancel}>
    <header>
      <h2 id="dialog-title">${title}</h2>
      <${IconButton} icon="close" label="Close" onClick=${onClose} />
    </header>
    ${children}
  </dialog>`;
}

export function inputAttributes(id, hint, faults = [], required = false) {
  const describedBy = [hint && `${id}-hint`, faults.length && `${id}-faults`].filter(Boolean).join(" ");
  const trueOrNone = (is) => (is ? "true" : undefined);
  return { id, "aria-describedby": describedBy || undefined, "aria-invalid": trueOrNone(faults.length), "aria-required": trueOrNone(required) };
}

export function Field({ id, label, hint, faults = [], required, children }) {
  return html`<div class="field">
    <label class="label" for=${id}>${label}${required && html`<span class="required" title="Required"
      aria-hidden="true">*</span>`}</label>
    ${children}
    <${Hint} id=${id} hint=${hint} faults=${faults} />
  </div>`;
}

export function SmallForm({ id, label, button, onSend }) {
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    if (text.trim()) onSend(text.trim());
  };
  return html`<form class="with-button" onSubmit=${send}>
    <label class="visually-hidden" for=${id}>${label}</label>
    <input id=${id} placeholder=${label} value=${text} onInput=${(event) => setText(event.target.value)} />
    <button class="button">${button}</button>
  </form>`;
}

export function Hint({ id, hint, faults = [] }) {
  return html`
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${visibleText(hint)}</p>`}
    ${faults.length > 0 && html`<p class="fault" id=${`${id}-faults`}>${visibleText(faults.join(". "))}</p>`}
  `;
}

/** A few options as buttons: [[value, label]]. */
export function Choice({ label, options, value, onChange }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(
      ([each, text]) => html`<button type="button" key=${each} aria-pressed=${each === value ? "true" : "false"}
        onClick=${() => onChange(each)}>${text}</button>`,
    )}
  </div>`;
}

export function Select({ options, value, onChange, ...attributes }) {
  return html`<select ...${attributes} value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${options.map(([each, text]) => html`<option key=${each} value=${each} selected=${each === value}>${text}</option>`)}
  </select>`;
}

export function EmptyState({ icon = "inbox", title, children }) {
  return html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2>${children}</div>`;
}

/** problem: {title, detail, errors, requestId}. */
export function Problem({ problem, retry }) {
  return html`<div class="problem" role="alert">
    <${Icon} name="warning" />
    <div>
      <strong>${problem.title}</strong>
      ${problem.detail && html`<p>${visibleText(problem.detail)}</p>`}
      ${problem.errors && html`<ul>
        ${problem.errors.map((error) => html`<li><code>${visibleText(error.pointer || error.parameter || "/")}</code> ${visibleText(error.detail)}</li>`)}
      </ul>`}
      ${problem.requestId && html`<p class="hint">Request <code>${problem.requestId}</code></p>`}
      ${retry && html`<${Button} icon="refresh" onClick=${retry}>Try again<//>`}
    </div>
  </div>`;
}

/** notes: [{id, text, tone, action: {label, run}}]. */
export function Notes({ notes, dismiss }) {
  const act = ({ id, action }) => {
    action.run();
    dismiss(id);
  };
  useKeys({ u: () => notes.filter(({ action }) => action?.label === "Undo").slice(-1).forEach(act) });
  return html`<div class="notes" role="status" aria-live="polite">
    ${notes.map(
      (note) => html`<div class=${`note ${note.tone ?? ""}`} key=${note.id}>
        <span><${Text} value=${note.text} /></span>
        ${note.action && html`<${Button} kind="note-action"
          onClick=${() => act(note)}>${note.action.label}<//>`}
        <${IconButton} icon="close" label="Dismiss" onClick=${() => dismiss(note.id)} />
      </div>`,
    )}
  </div>`;
}

export function CopyButton({ text, label, notify, icon = "copy", compact = false, tabindex }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      notify({ text: "Copied" });
    } catch {
      notify({ text: "The browser blocked copying. Select the text instead.", tone: "bad" });
    }
  };
  return compact
    ? html`<${IconButton} icon=${icon} label=${label} tabindex=${tabindex} onClick=${copy} />`
    : html`<${Button} icon=${icon} onClick=${copy}>${label}<//>`;
}

export function LongText({ value, limit = 400 }) {
  const [open, setOpen] = useState(false);
  if (value.length <= limit) return html`<${Text} value=${value} />`;
  return html`<${Text} value=${value} limit=${open ? Infinity : limit} />${" "}
    <${Button} kind="link" onClick=${() => setOpen(!open)}>
      ${open ? "Show less" : `Show all ${countText(value.length, "character")}`}
    <//>`;
}

export const focusHeading = () => document.querySelector("main h1")?.focus({ preventScroll: true });

export function createListeners() {
  const all = new Set();
  return {
    add(listener) {
      all.add(listener);
      return () => all.delete(listener);
    },
    notify: (...values) => [...all].forEach((listener) => listener(...values)),
  };
}

export function useChanges(subscribe) {
  const [, draw] = useState(0);
  useEffect(() => subscribe(() => draw((drawn) => drawn + 1)), [subscribe]);
}

// --- values ---

const CELL_LENGTH = 120;
const STRUCTURE_LENGTH = 48;
const SHORT_LENGTH = 28;

export function Cell({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">–</span>`;
  if (typeof value === "string") return html`<${StringValue} value=${value} schema=${schema} limit=${CELL_LENGTH} />`;
  if (isStringArray(value)) return html`<${Text} value=${value.join(", ")} limit=${CELL_LENGTH} />`;
  if (typeof value === "boolean" || isNumber(value)) return html`<${Value} value=${value} schema=${schema} />`;
  return html`<code class="muted"><${Text} value=${stringify(value)} limit=${STRUCTURE_LENGTH} /></code>`;
}

export function Value({ value, schema = {} }) {
  if (value === undefined) return html`<span class="muted">not set</span>`;
  if (typeof value === "boolean") {
    return value ? html`<span class="flag on"><${Icon} name="check" />Yes</span>` : html`<span class="flag">No</span>`;
  }
  if (isNumber(value)) return html`<span class="number">${localNumber(value)}</span>`;
  if (typeof value === "string") return html`<${StringValue} value=${value} schema=${schema} />`;
  if (isStringArray(value)) return value.map((element) => html`<span class="badge"><${LongText} value=${element} /></span>`);
  if (Array.isArray(value) || isObject(value)) return html`<pre class="code"><${LongText} value=${stringify(value, 2)} /></pre>`;
  return html`<span class="muted">null</span>`;
}

export function plainText(value) {
  return typeof value === "string" ? visibleText(value) || "(empty)" : visibleText(stringify(value));
}

function isStringArray(value) {
  return Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string");
}

function StringValue({ value, schema, limit }) {
  if (schema.format === "date-time") return html`<time datetime=${value} title=${value}>${dateTimeText(value)}</time>`;
  if (schema.format === "date") return html`<time datetime=${value}>${dateText(value)}</time>`;
  if (schema.enum) return html`<span class="badge"><${Text} value=${value} limit=${limit} /></span>`;
  if (schema.format === "uri" && isWebAddress(value)) {
    return html`<a href=${value} target="_blank" rel="noopener noreferrer"><${Text} value=${value} limit=${limit} /></a>`;
  }
  if (value === "") return limit ? "" : html`<span class="muted">empty</span>`;
  if (!limit) return html`<${LongText} value=${value} />`;
  return html`<span class=${value.length <= SHORT_LENGTH ? "short" : ""}><${Text} value=${value} limit=${limit} /></span>`;
}

// Other links, such as javascript:, could run code of an item.
function isWebAddress(text) {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}

// --- keyboard ---

const settings = createStore("localStorage", "trestle.");
const IS_MAC = /^(Mac|iP)/.test(navigator.platform);

/** "Ctrl+S", or "⌘S" on a Mac. */
export const withModifier = (key) => (IS_MAC ? `⌘${key}` : `Ctrl+${key}`);

const SHORTCUTS = [
  ["n", "New item"],
  ["/", "Search"],
  ["u", "Undo a deletion"],
  [withModifier("S"), "Save the item"],
  [withModifier("Enter"), "Create the item"],
  ["Esc", "Close a dialog"],
  ["?", "Show this help"],
];

/**
 * Keys are "n" or "mod+s"; mod is Ctrl, or Cmd on a Mac. Single keys are ignored in inputs, all
 * keys under a dialog.
 */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKeyDown = (event) => {
      const { key, target } = event;
      const isModified = IS_MAC ? event.metaKey : event.ctrlKey;
      if (event.defaultPrevented || event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
      const isTyped = target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox], [type=radio])");
      if (!isModified && (event.ctrlKey || event.metaKey || isTyped || settings.get("keysOff"))) return;
      const run = latest.current[`${isModified ? "mod+" : ""}${key.toLowerCase()}`];
      if (!run) return;
      event.preventDefault(); // "Save page"
      if (!event.repeat) run();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}

export function Shortcuts({ entity, session, go, children }) {
  const [isOpen, setOpen] = useState(false);
  const create = entity?.operations.create;
  useKeys({
    "?": () => setOpen(true),
    ...(create && !session.missingAccess(create.security) && { n: () => focusNew() || go({ name: entity.name, id: NEW }) }),
  });
  return html`<button type="button" class="nav-item" onClick=${() => setOpen(true)}>${children}</button>
    ${isOpen && html`<${Help} onClose=${() => setOpen(false)} />`}`;
}

// A to-do list has an input instead of a page.
function focusNew() {
  const input = document.getElementById("todo-new");
  input?.focus();
  return Boolean(input);
}

function Help({ onClose }) {
  const [off, setOff] = useState(Boolean(settings.get("keysOff")));
  const toggle = (event) => {
    setOff(!event.target.checked);
    settings.set("keysOff", !event.target.checked || null);
  };
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${onClose}>
    <div class="dialog-body">
      <dl class="keys">${SHORTCUTS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
      <div class="field check">
        <input type="checkbox" id="keys-on" checked=${!off} onChange=${toggle} />
        <label class="label" for="keys-on">Use single-key shortcuts</label>
      </div>
    </div>
  <//>`;
}

// --- views whose modules are loaded when they are first shown ---

/** Typed text, whose effect comes after a pause. A new value replaces it, unless the text is newer. */
export function useTyped(value, pauseMs) {
  const [text, setText] = useState(value);
  const timer = useRef(null);
  const stop = () => {
    clearTimeout(timer.current);
    timer.current = null;
  };
  const type = (next, apply) => {
    stop();
    setText(next);
    timer.current = setTimeout(() => {
      stop();
      apply(next);
    }, pauseMs);
  };
  useEffect(() => {
    if (timer.current === null) setText(value);
  }, [value]);
  useEffect(() => stop, []);
  return { text, type, stop };
}

const failures = new Map(); // by path

/** Browsers may remember the address of a module that failed, so a retry has another one. */
export async function loadModule(path) {
  const count = failures.get(path) ?? 0;
  try {
    return await import(count ? `${path}?${count}` : path);
  } catch (error) {
    failures.set(path, count + 1);
    throw new Error("A part of the console could not be loaded. Check the connection, or reload the page.", { cause: error });
  }
}

export function lazy(path, name) {
  let View;
  return function Lazy(props) {
    const [isLate] = useState(!View);
    const [failure, setFailure] = useState(null);
    const [isLoaded, setLoaded] = useState(Boolean(View));
    useEffect(() => {
      if (View) return;
      loadModule(path).then((module) => {
        View = module[name];
        setLoaded(true);
      }, setFailure);
    }, []);
    useLayoutEffect(() => {
      if (isLate && isLoaded && !document.activeElement?.closest("main")) focusHeading();
    }, [isLoaded]);
    if (failure) throw failure;
    return isLoaded ? html`<${View} ...${props} />` : html`<div class="page loading" aria-busy="true"></div>`;
  };
}
