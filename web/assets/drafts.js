// Unsaved input, kept in the tab over a change of view, a reload or a sign-in.
import { parse, stringify } from "./json.js";

const PREFIX = "draft:";
let isStopped = false;

export function saveDraft(name, draft) {
  if (isStopped) return;
  try {
    sessionStorage.setItem(PREFIX + name, stringify(draft));
  } catch {
    // The storage is full: the draft is not kept.
  }
}

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

/** Delete all drafts and save no more: a form that closes after sign-out would leave its draft to the next user. */
export function stopSavingDrafts() {
  isStopped = true;
  discardDrafts();
}
