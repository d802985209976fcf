// Keyboard shortcuts, and a dialog that lists them.
import { html, useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { NEW } from "./route.js";
import { Dialog } from "./ui.js";

const OFF_ITEM = "trestle.keysOff"; // for speech input
let storage = null;
try {
  storage = localStorage;
} catch {
  // refused
}
const IS_MAC = /^(Mac|iP)/.test(navigator.platform);

/** "Ctrl+S", or "⌘S" on a Mac. */
export const withModifier = (key) => (IS_MAC ? `⌘${key}` : `Ctrl+${key}`);

/** [key, what it does] */
export const SHORTCUTS = [
  ["n", "New item"],
  ["/", "Search"],
  [withModifier("S"), "Save the item"],
  [withModifier("Enter"), "Create the item"],
  ["Esc", "Close a dialog"],
  ["?", "Show this help"],
];

/** Run an action when its key is pressed: {n, "mod+s"}. mod is Ctrl, or Cmd on a Mac. Single keys do nothing in inputs, no key does under a dialog. */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKeyDown = (event) => {
      const { key, target } = event;
      const isModified = IS_MAC ? event.metaKey : event.ctrlKey;
      if (event.defaultPrevented || event.isComposing || event.altKey || document.querySelector("dialog[open]")) return;
      const isTyped = target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox], [type=radio])");
      if (!isModified && (event.ctrlKey || event.metaKey || isTyped || areOff())) return;
      const run = latest.current[`${isModified ? "mod+" : ""}${key.toLowerCase()}`];
      if (!run) return;
      event.preventDefault(); // "Save page"
      if (!event.repeat) run();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
}

/** The page's keys, and the button that lists them. */
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
  const [off, setOff] = useState(areOff());
  const toggle = (event) => {
    setOff(!event.target.checked);
    switchOff(!event.target.checked);
  };
  return html`<${Dialog} title="Keyboard shortcuts" onClose=${onClose}>
    <div class="dialog-body">
      <dl class="keys">${SHORTCUTS.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
      <div class="field check">
        <input type="checkbox" id="keys-on" checked=${!off} onChange=${toggle} />
        <label class="label" for="keys-on">Use shortcuts of a single key</label>
      </div>
    </div>
  <//>`;
}

const areOff = () => storage?.getItem(OFF_ITEM) === "";

function switchOff(isOff) {
  if (isOff) storage?.setItem(OFF_ITEM, "");
  else storage?.removeItem(OFF_ITEM);
}
