// Where the page is, in the address's hash: #/todos, #/todos/ID, #/todos?completed=false. Names and ids never begin
// with "+": what does is the page's own, such as #/todos/+new.

export const NEW = "+new"; // a form for an item that is not there yet
export const IMPORT = "+import"; // items made of a table
export const TABLE = "+table"; // of an entity that has a view of its own

/** A hash as {name, id, query}: decoded, "" for what it does not have; query is an object without a prototype. */
export function readRoute(hash) {
  const [path, search = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [name = "", id = ""] = path.split("/").map(decodePart);
  return { name, id, query: Object.assign(Object.create(null), Object.fromEntries(new URLSearchParams(search))) };
}

/**
 * The name of a parameter that is the page's own, such as "search": with "+" before it where the entity's list has a parameter of that name.
 */
export function ownParameter(entity, name) {
  const isTaken = entity.filters.some((filter) => filter.name === name || filter.bounds.some((bound) => bound.name === name));
  return isTaken ? `+${name}` : name;
}

/** The hash of a route; parameters that are undefined are left out. */
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

// Where the user was: the scroll position of each step of the history, the pages that led to a list's page, and each entity's last list. It
// lasts as long as the tab, so Back and reload come back to the same place.

const PREFIX = "place:";
const MAX_STEPS = 100; // steps of the history whose scroll positions are kept
const USERS_OWN = ["wheel", "touchstart", "keydown", "pointerdown"]; // events by which users scroll

function load(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

let isStopped = false;

// null: nothing is to be kept.
function save(name, value) {
  if (isStopped) return;
  if (value === null) return sessionStorage.removeItem(PREFIX + name);
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The browser's room for this is full: then it is not kept.
  }
}

/** Drop all that is kept: it tells the next user of the tab what was looked for. */
export function discardPlaces() {
  positions.clear();
  Object.keys(sessionStorage)
    .filter((name) => name.startsWith(PREFIX))
    .forEach((name) => sessionStorage.removeItem(name));
}

/** Drop it all, and keep no more: the page that goes after its user would leave it to the next one. */
export function stopKeepingPlaces() {
  isStopped = true;
  discardPlaces();
}

// --- scroll positions, by step of the history ---

const positions = new Map(load("scroll") ?? []);

/** A name for the current step of the browser's history, which it keeps when the user comes back to it. */
export function currentStep() {
  const known = history.state?.step;
  if (known) return known;
  const step = crypto.randomUUID();
  history.replaceState({ ...history.state, step }, "");
  return step;
}

/** The scroll position that a step was left at: {page, top, left}, of the window and of the table in it; null for a new step. */
export const positionOf = (step) => positions.get(step) ?? null;

/** Keep the position of a step. */
export function keepPosition(step, position) {
  const whole = { ...positions.get(step), ...position };
  positions.delete(step); // what was used last stands last
  positions.set(step, whole);
  if (positions.size > MAX_STEPS) positions.delete(positions.keys().next().value);
}

/** Follow the window's scroll position, and write all positions down when the page goes. Returns what ends that. */
export function followScroll() {
  history.scrollRestoration = "manual";
  let step = currentStep();
  const onScroll = () => keepPosition(step, { page: scrollY });
  const onStep = () => {
    step = currentStep();
  };
  const onLeave = () => save("scroll", positions.size ? [...positions] : null);
  addEventListener("scroll", onScroll, { passive: true });
  addEventListener("hashchange", onStep);
  addEventListener("pagehide", onLeave);
  return () => {
    removeEventListener("scroll", onScroll);
    removeEventListener("hashchange", onStep);
    removeEventListener("pagehide", onLeave);
  };
}

/** Scroll the window to where a step was left as soon as its content is tall enough, unless the user scrolls first. Returns what ends that. */
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

// --- lists ---

/** Keep the address of an entity's list, for the way back from its items. */
export function keepList(route) {
  const hash = hashOf(route);
  save(`list:${route.name}`, hash === hashOf({ name: route.name }) ? null : hash);
}

/** The address of an entity's list as the user left it. */
export const listPlace = (name) => load(`list:${name}`) ?? hashOf({ name });

/** The cursors of a list's pages up to the one that was looked at last. list: a text that stands for the list. */
export const cursorsOf = (list) => load(`pages:${list}`) ?? [null];

export const keepCursors = (list, cursors) => save(`pages:${list}`, cursors);
