// Reads lists, and keeps them for a while so that Back shows them at once.
import { useEffect, useRef, useState } from "./vendor/htm-preact.js";
import { isNumber, isObject, numberText, own } from "./json.js";
import { labelOf, truncate } from "./text.js";

const MAX_KEPT = 20;
const MAX_KEPT_SEARCHES = 3;
const SEARCH_PAGE = 100;
export const SEARCH_STEP = 1000; // items that a search reads before it asks whether to continue

const kept = new Map();
const keptReads = new Map();
const keptSearches = new Map();

function keep(map, key, value, most) {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
}

export const readBefore = (key) => keptReads.get(key);

export const keepRead = (key, read) => keep(keptReads, key, read, MAX_KEPT);

/** Forget all lists, since another user may not see them. */
export function forgetLists() {
  kept.clear();
  keptReads.clear();
  keptSearches.clear();
}

export const listKey = (entity, query) => JSON.stringify([entity.name, Object.entries(query).filter(([, value]) => value !== undefined).sort()]);

/** One page. answer: the last good response, which stays if a reload fails; failure: that failed response. */
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
    // Users who lose access must not keep seeing the items.
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

/** Reads until it has SEARCH_STEP items or the list ends; readOn reads as many again. A null query reads nothing. */
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

export function followWrites(api) {
  return api.onWrite(({ operation, id, data }) => {
    if (operation.kind === "create") {
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

// --- search ---

const EXCERPT_LENGTH = 80;
const foldedTexts = new WeakMap();

/** "zoe" finds "Zoë". */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** "Several words" are one condition; name:word searches one property, or the literal text, such as 12:30. */
export function readSearch(text) {
  const conditions = [];
  for (const [whole, prefix, quoted, word] of text.matchAll(/(?:([^\s":]+):)?(?:"([^"]*)"?|([^\s"]+))/g)) {
    conditions.push({ text: fold(quoted ?? word), property: prefix && fold(prefix), whole: fold(whole) });
  }
  return conditions.filter((condition) => condition.text);
}

export function isMatch(item, conditions, owner) {
  return conditions.every((condition) => isOwner(condition, owner) || namesOf(item, condition).length > 0);
}

export function foundElsewhere(item, conditions, shown, owner) {
  for (const condition of conditions) {
    const names = namesOf(item, condition);
    if (names.length === 0 || isOwner(condition, owner) || names.some((each) => shown.includes(each))) continue;
    return { label: labelOf(names[0]), text: excerpt(plainTexts(own(item, names[0])).join(" · "), condition.text) };
  }
  return null;
}

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

function textsOf(item) {
  let found = foldedTexts.get(item);
  if (!found) {
    found = Object.entries(item).map(([name, value]) => [name, fold(plainTexts(value).join("\n"))]);
    foldedTexts.set(item, found);
  }
  return found;
}

function plainTexts(value) {
  if (typeof value === "string") return [value];
  if (isNumber(value)) return [numberText(value)];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (Array.isArray(value)) return value.flatMap(plainTexts);
  return isObject(value) ? Object.values(value).flatMap(plainTexts) : [];
}
