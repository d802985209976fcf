// What has been typed and not saved: kept for this tab, over a change of view, a reload or a sign-in elsewhere.
import { parse, stringify } from "./json.js";

const PREFIX = "draft:";
let isStopped = false;

export function saveDraft(name, draft) {
  if (isStopped) return;
  try {
    sessionStorage.setItem(PREFIX + name, stringify(draft));
  } catch {
    // The browser's room for this is full: then it is not kept.
  }
}

/** The draft that was kept, undefined if there is none. */
export function loadDraft(name) {
  const text = sessionStorage.getItem(PREFIX + name);
  return text === null ? undefined : parse(text);
}

export function discardDraft(name) {
  sessionStorage.removeItem(PREFIX + name);
}

export function discardDrafts() {
  const names = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
  names.forEach((name) => sessionStorage.removeItem(name));
}

/** Drop them all, and keep no more: a form that goes after its user would leave the draft to the next one. */
export function stopSavingDrafts() {
  isStopped = true;
  discardDrafts();
}
