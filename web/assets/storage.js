// What the browser keeps: in this tab, or for later visits.
import { parse, stringify } from "./json.js";

let isStopped = false;

/** Values by name, as JSON. Null removes a value. area: "sessionStorage" or "localStorage". */
export function createStore(area, prefix) {
  return {
    get(name) {
      try {
        return parse(window[area].getItem(prefix + name));
      } catch {
        return null; // missing, or storage is blocked
      }
    },
    set(name, value) {
      try {
        if (value === null) window[area].removeItem(prefix + name);
        else if (area === "localStorage" || !isStopped) window[area].setItem(prefix + name, stringify(value));
      } catch {
        // Storage is full or blocked: the value lasts as long as the page.
      }
    },
    clear() {
      try {
        for (const name of Object.keys(window[area])) if (name.startsWith(prefix)) window[area].removeItem(name);
      } catch {
        // blocked
      }
    },
  };
}

/** Unsaved input, which outlasts a change of view, a reload and a sign-in. */
export const drafts = createStore("sessionStorage", "draft:");

/** Clear the tab and keep nothing more: a view that closes after sign-out would leave its input to the next user. */
export function stopStoring() {
  isStopped = true;
  createStore("sessionStorage", "").clear();
}
