// What has been typed and not saved: kept for this tab, over a change of view, a reload or a sign-in elsewhere.
import { parse, stringify } from "./json.js";

const PREFIX = "draft:";

export function keepDraft(name, draft) {
  try {
    sessionStorage.setItem(PREFIX + name, stringify(draft));
  } catch {
    // The browser's room for this is full: then it is not kept.
  }
}

/** The draft that was kept, undefined if there is none. */
export function keptDraft(name) {
  const text = sessionStorage.getItem(PREFIX + name);
  return text === null ? undefined : parse(text);
}

export function dropDraft(name) {
  sessionStorage.removeItem(PREFIX + name);
}
