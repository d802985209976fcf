// Where the user is and was. The route is the hash of the address: #/todos/ID?view=json. Names and
// ids never begin with "+", so #/todos/+new is a view of the page.
import { parse, stringify } from "./json.js";

export const NEW = "+new"; // the form for a new item
export const IMPORT = "+import";
export const TABLE = "+table"; // the table of an entity that also has a list

/** Read a hash as {name, id, query}; missing parts are "". */
export function readRoute(hash) {
  const [path, search = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [name = "", id = ""] = path.split("/").map(decodePart);
  return { name, id, query: Object.assign(Object.create(null), Object.fromEntries(new URLSearchParams(search))) };
}

/** "search", or "+search" if the list has a parameter of that name. */
export function ownParameter(entity, name) {
  const isTaken = entity.filters.some((filter) => filter.name === name || filter.bounds.some((bound) => bound.name === name));
  return isTaken ? `+${name}` : name;
}

export function hashOf({ name, id, query = {} }) {
  const path = [name, id].filter(Boolean).map(encodeURIComponent).join("/").replaceAll("%2B", "+");
  const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
  return `#/${path}${parameters.length ? `?${new URLSearchParams(parameters)}` : ""}`;
}

function decodePart(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // someone typed a lone "%"
  }
}

// --- what the browser keeps, in this tab or for later visits ---

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

/** Unsaved input. */
export const drafts = createStore("sessionStorage", "draft:");

/** Clear the tab and keep nothing more: a view that closes after sign-out would leave its input to the next user. */
export function stopStoring() {
  isStopped = true;
  createStore("sessionStorage", "").clear();
}

// --- where the user was, in this tab: scroll positions, pages and lists ---

const MAX_STEPS = 100; // with a scroll position
const USERS_OWN = ["wheel", "touchstart", "keydown", "pointerdown"];

const store = createStore("sessionStorage", "place:");
const positions = new Map(store.get("scroll"));

export function forgetPlaces() {
  positions.clear();
  store.clear();
}

/** An id of the current step of the browser history. */
export function currentStep() {
  const known = history.state?.step;
  if (known) return known;
  const step = crypto.randomUUID();
  history.replaceState({ ...history.state, step }, "");
  return step;
}

/** {page, top, left}: of the window and the table. */
export const positionOf = (step) => positions.get(step) ?? null;

export function keepPosition(step, position) {
  const whole = { ...positions.get(step), ...position };
  positions.delete(step); // move it to the end
  positions.set(step, whole);
  if (positions.size > MAX_STEPS) positions.delete(positions.keys().next().value);
}

export function followScroll() {
  history.scrollRestoration = "manual";
  let step = currentStep();
  const onScroll = () => keepPosition(step, { page: scrollY });
  const onStep = () => {
    step = currentStep();
  };
  const onLeave = () => store.set("scroll", positions.size ? [...positions] : null);
  addEventListener("scroll", onScroll, { passive: true });
  addEventListener("hashchange", onStep);
  addEventListener("pagehide", onLeave);
  return () => {
    removeEventListener("scroll", onScroll);
    removeEventListener("hashchange", onStep);
    removeEventListener("pagehide", onLeave);
  };
}

/** Scroll once the content is tall enough, unless the user scrolls first. */
export function restoreScroll(step) {
  const target = positionOf(step)?.page ?? 0;
  scrollTo(0, target);
  if (scrollY === target || target === 0) return () => {};
  const stop = () => {
    observer.disconnect();
    USERS_OWN.forEach((event) => removeEventListener(event, stop));
  };
  const observer = new ResizeObserver(() => {
    scrollTo(0, target);
    if (Math.abs(scrollY - target) < 1) stop();
  });
  observer.observe(document.getElementById("main"));
  USERS_OWN.forEach((event) => addEventListener(event, stop, { passive: true }));
  return stop;
}

/** For the way back from an item. */
export function keepList(route) {
  const hash = hashOf(route);
  store.set(`list:${route.name}`, hash === hashOf({ name: route.name }) ? null : hash);
}

export const listPlace = (name) => store.get(`list:${name}`) ?? hashOf({ name });

/** The cursors of the pages up to the current one. */
export const cursorsOf = (list) => store.get(`pages:${list}`) ?? [null];

export const keepCursors = (list, cursors) => store.set(`pages:${list}`, cursors);
