// Reads the pages of lists. What was read stays for a while, so that coming back to a list shows it at once.
import { useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isNumber, isObject, numberText, own } from "./json.js";
import { labelOf, truncate } from "./text.js";

const MAX_KEPT = 20; // lists whose last answers stay
const MAX_KEPT_SEARCHES = 3; // lists whose items stay, all that were searched
const SEARCH_PAGE = 100; // items of a page that a search reads: the most that the API gives
export const SEARCH_STEP = 1000; // items that a search looks at before it asks whether to go on

const kept = new Map();
const keptReads = new Map();
const keptSearches = new Map();

function keep(map, key, value, most) {
  map.delete(key); // what was used last stands last
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
}

/** What was read of a list before, where a view keeps its items by itself; undefined if nothing was. */
export const readBefore = (key) => keptReads.get(key);

export const keepRead = (key, read) => keep(keptReads, key, read, MAX_KEPT);

/** Forget all that was read: somebody else calls now. */
export function forgetLists() {
  kept.clear();
  keptReads.clear();
  keptSearches.clear();
}

/** A text that stands for an entity's list as it is asked for. */
export const listKey = (entity, query) => JSON.stringify([entity.name, Object.entries(query).filter(([, value]) => value !== undefined).sort()]);

/**
 * One page: {answer, at, failure, loading, load}. answer: the latest for this query, which stays where a reload fails; failure: that answer
 * then, else null; at: when the answer came; key: of the query that the answer is of. While another page is read, the page before stays.
 * isPaused: nothing is read for now.
 */
export function usePage({ api, entity, query, session, isPaused }) {
  const { list } = entity.operations;
  const key = listKey(entity, query);
  const [state, setState] = useState(() => ({ failure: null, loading: false, ...(kept.get(key) ?? { key: null, answer: null }) }));
  const running = useRef(null);
  const load = async () => {
    if (!list) return;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const known = kept.get(key);
    setState((before) => ({ ...before, ...known, loading: true }));
    const answer = await api.call(list, { query, signal: controller.signal });
    if (running.current !== controller) return;
    running.current = null;
    // Who may not read it any more does not go on seeing it.
    const isRefused = [401, 403].includes(answer.status);
    if (answer.problem && !isRefused && kept.has(key)) {
      setState({ ...kept.get(key), failure: answer, loading: false });
      return;
    }
    const read = { key, answer, at: Date.now() };
    if (answer.problem) kept.delete(key);
    else keep(kept, key, read, MAX_KEPT);
    setState({ ...read, failure: null, loading: false });
  };
  const latestLoad = useRef(load);
  latestLoad.current = isPaused ? null : load;
  useEffect(() => {
    if (!isPaused) load();
  }, [key, isPaused]);
  useEffect(
    () =>
      session.onCallerChange(() => {
        forgetLists();
        if (latestLoad.current) latestLoad.current();
      }),
    [session],
  );
  useEffect(() => () => running.current?.abort(), []);
  return { ...state, load };
}

const UNREAD = { items: [], owners: null, next: undefined, target: SEARCH_STEP, problem: null, isReading: false };

/**
 * What a search has read of a list so far: {items, owners, isDone, isReading, problem, readOn, stop, renew}. It reads pages of 100 until it
 * has SEARCH_STEP items or the list ends; readOn reads as many again. query: of the list, without cursor and limit; null reads nothing.
 */
export function useSearchedItems({ api, entity, query, session }) {
  const key = query && listKey(entity, query);
  const [, draw] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const current = () => keptSearches.get(key) ?? UNREAD;
  const change = (changes) => {
    keep(keptSearches, key, { ...current(), ...changes }, MAX_KEPT_SEARCHES);
    draw((times) => times + 1);
  };
  useEffect(() => {
    if (!key) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const readPages = async () => {
      while (current().next !== null && current().items.length < current().target) {
        if (!current().isReading) change({ isReading: true });
        const page = { ...query, limit: String(Math.min(SEARCH_PAGE, entity.limit.maximum)), cursor: current().next };
        const { data, problem, status } = await api.call(entity.operations.list, { query: page, signal });
        if (signal.aborted) return;
        if (problem) return change({ target: 0, problem: { status, problem }, isReading: false });
        const { items, owners } = current();
        change({ items: [...items, ...data.items], owners: data.owners ? [...(owners ?? []), ...data.owners] : null, next: data.next, problem: null });
      }
      if (current().isReading) change({ isReading: false });
    };
    readPages();
    return () => {
      controller.abort();
      if (keptSearches.has(key)) keptSearches.set(key, { ...current(), isReading: false });
    };
  }, [key, attempt]);
  useEffect(() => session.onCallerChange(() => setAttempt((made) => made + 1)), [session]);
  const state = current();
  return {
    ...state,
    isDone: state.next === null,
    readOn() {
      change({ target: current().items.length + SEARCH_STEP, problem: null });
      setAttempt((made) => made + 1);
    },
    stop: () => change({ target: 0 }),
    renew() {
      keptSearches.delete(key);
      setAttempt((made) => made + 1);
    },
  };
}

/** Keep what was read in step with what the user writes. Returns what ends that. */
export function followWrites(api) {
  return api.onWrite(({ operation, id, data }) => {
    if (operation.kind === "create") {
      // Only the API knows where it stands.
      for (const key of keptSearches.keys()) if (isOf(key, operation.entity)) keptSearches.delete(key);
      return;
    }
    const change = (items) =>
      operation.kind === "delete" ? items : items.map((item) => (item.id === id && item.createdAt === data?.createdAt ? data : item));
    for (const [key, read] of kept) {
      if (isOf(key, operation.entity)) kept.set(key, { ...read, answer: { ...read.answer, data: { ...read.answer.data, items: change(read.answer.data.items) } } });
    }
    for (const [key, read] of keptSearches) if (isOf(key, operation.entity)) keptSearches.set(key, { ...read, items: change(read.items) });
  });
}

const isOf = (key, name) => JSON.parse(key)[0] === name;

// Search: which of the items that were read hold the words that the user typed. The API searches no texts, so the page reads on.

const EXCERPT_LENGTH = 80; // characters of a value around what was found
const foldedTexts = new WeakMap();

/** Lower case without accents, so that "zoe" finds "Zoë". */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * The conditions of a search text, all of which an item has to meet: [{text, property, whole}]. Words are apart by spaces, "several words" are
 * one condition, and property:word looks in that property alone, or for the text as it stands, such as 12:30.
 */
export function readSearch(text) {
  const conditions = [];
  for (const [whole, prefix, quoted, word] of text.matchAll(/(?:([^\s":]+):)?(?:"([^"]*)"?|([^\s"]+))/g)) {
    conditions.push({ text: fold(quoted ?? word), property: prefix && fold(prefix), whole: fold(whole) });
  }
  return conditions.filter((condition) => condition.text);
}

/** Whether an item meets all conditions. owner: whose it is, where that is known. */
export function isMatch(item, conditions, owner) {
  return conditions.every((condition) => isOwner(condition, owner) || namesOf(item, condition).length > 0);
}

/** Where an item meets a condition outside of the shown properties: {label, text}; null where all that was found is in view. */
export function foundElsewhere(item, conditions, shown, owner) {
  for (const condition of conditions) {
    const names = namesOf(item, condition);
    if (names.length === 0 || isOwner(condition, owner) || names.some((each) => shown.includes(each))) continue;
    return { label: labelOf(names[0]), text: excerpt(plainTexts(own(item, names[0])).join(" · "), condition.text) };
  }
  return null;
}

// The names of the properties in which an item meets a condition.
function namesOf(item, { text, property, whole }) {
  const texts = textsOf(item);
  const named = texts.filter(([name, folded]) => (property === undefined || fold(name) === property) && folded.includes(text));
  return (named.length || property === undefined ? named : texts.filter(([, folded]) => folded.includes(whole))).map(([name]) => name);
}

const isOwner = ({ text, property = "owner" }, owner) => owner !== undefined && property === "owner" && fold(owner).includes(text);

function excerpt(whole, found) {
  const place = Math.max(0, fold(whole).indexOf(found));
  const start = place + found.length <= EXCERPT_LENGTH ? 0 : Math.max(0, place - EXCERPT_LENGTH / 3);
  return `${start > 0 ? "…" : ""}${truncate(whole.slice(start), EXCERPT_LENGTH)}${whole.length > start + EXCERPT_LENGTH ? "…" : ""}`;
}

// The folded texts of an item's properties: [[name, text]]; they stay as long as the item does.
function textsOf(item) {
  let found = foldedTexts.get(item);
  if (!found) {
    found = Object.entries(item).map(([name, value]) => [name, fold(plainTexts(value).join("\n"))]);
    foldedTexts.set(item, found);
  }
  return found;
}

// The texts in a value, as people see them: without names and JSON's signs.
function plainTexts(value) {
  if (typeof value === "string") return [value];
  if (isNumber(value)) return [numberText(value)];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (Array.isArray(value)) return value.flatMap(plainTexts);
  return isObject(value) ? Object.values(value).flatMap(plainTexts) : [];
}
