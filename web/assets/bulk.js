// Many requests as one run: a few at a time, at the pace that the API asks for, to be stopped and continued.

import { rowsOf } from "./grid.js";

export const MAX_ITEMS = 10_000; // that one export, import or selection takes

const PAGE_SIZE = 100;
const MAX_CONCURRENT = 4;
const MAX_WAIT_SECONDS = 60; // after which a run stops, if the API asks for more
const MAX_ATTEMPTS = 6; // at one request
const MAX_REFUSALS = 5; // in a row, after which a run stops

/** A run over tasks. send(task) resolves to an answer of `api.call`, or to {problem} without a request, and has to be safe to repeat. */
export function createRun({ tasks, send, onChange = () => {}, sleep = pause }) {
  const outcomes = new Array(tasks.length);
  const counts = { done: 0, failed: 0 };
  let state = "ready";
  let reason = ""; // why it stopped by itself
  let [concurrent, refusals, waitsUntil] = [MAX_CONCURRENT, 0, 0];
  let queue = [];
  let running = 0;
  let waiting; // aborted when the run stops
  let finish;

  function stop(why = "") {
    if (state !== "running") return;
    state = "stopping";
    reason = why;
    waiting.abort();
    onChange();
  }

  function pump() {
    while (state === "running" && running < concurrent && queue.length) {
      running++;
      attempt(queue.shift()).then(() => {
        running--;
        pump();
      });
    }
    if (running || (state === "running" && queue.length)) return;
    state = counts.done + counts.failed === tasks.length ? "done" : "stopped";
    onChange();
    finish();
  }

  async function attempt(index) {
    for (let number = 1; ; number++) {
      while (state === "running" && waitsUntil > Date.now()) await sleep(waitsUntil - Date.now(), waiting.signal);
      if (state !== "running") return;
      const answer = await send(tasks[index]);
      const { status, problem } = answer;
      if (!problem || ![0, 429, 503].includes(status)) return settle(index, answer);
      const seconds = retryAfter(answer.headers) ?? 2 ** (number - 1);
      if (number === MAX_ATTEMPTS || seconds > MAX_WAIT_SECONDS) return stop(problem.detail);
      concurrent = Math.max(1, concurrent >> 1);
      waitsUntil = Math.max(waitsUntil, Date.now() + seconds * 1000);
      onChange();
    }
  }

  function settle(index, answer) {
    const { status, problem } = answer;
    // Who calls has to sign in again, and then the run can go on.
    if (status === 401) return stop(problem.detail);
    outcomes[index] = answer;
    counts[problem ? "failed" : "done"]++;
    refusals = problem && (status === 403 || status >= 500) ? refusals + 1 : 0;
    if (refusals >= MAX_REFUSALS) stop(problem.detail);
    onChange();
  }

  return {
    tasks,
    outcomes,
    stop,
    /** Send what has no answer yet, and once more what the API failed at; resolves when nothing is sent any more. */
    start() {
      outcomes.forEach((answer, index) => {
        if (!isFailure(answer)) return;
        delete outcomes[index];
        counts.failed--;
      });
      [state, reason, refusals, waiting] = ["running", "", 0, new AbortController()];
      queue = tasks.map((_, index) => index).filter((index) => !outcomes[index]);
      return new Promise((resolve) => {
        finish = resolve;
        pump();
        onChange();
      });
    },
    /** {state: "ready", "running", "stopping", "stopped" or "done", reason, total, done, failed, left, isWaiting, canStart} */
    progress: () => {
      const { done, failed } = counts;
      const left = tasks.length - done - failed;
      const canStart = ["ready", "stopped"].includes(state) || (state === "done" && outcomes.some(isFailure));
      return { state, reason, total: tasks.length, done, failed, left, isWaiting: state === "running" && waitsUntil > Date.now(), canStart };
    },
  };
}

/** {rows, hasMore, problem}: what a list holds, at most `limit` items, or what was read when the signal was aborted. onProgress(count). */
export async function readAll({ api, list, query, limit, signal, onProgress = () => {}, sleep = pause }) {
  const found = [];
  let cursor;
  for (;;) {
    const size = Math.min(PAGE_SIZE, limit - found.length);
    const send = () => api.call(list, { query: { ...query, limit: size, cursor }, signal });
    const run = createRun({ tasks: [null], send, sleep });
    const stop = () => run.stop();
    signal.addEventListener("abort", stop);
    await run.start();
    signal.removeEventListener("abort", stop);
    const [answer] = run.outcomes;
    if (signal.aborted || !answer?.data) {
      const problem = signal.aborted ? null : (answer?.problem ?? { title: "Not read", detail: run.progress().reason });
      return { rows: found, hasMore: true, problem };
    }
    const { items, owners, next } = answer.data;
    found.push(...rowsOf(items, owners));
    onProgress(found.length);
    if (!next || found.length >= limit) return { rows: found, hasMore: Boolean(next), problem: null };
    cursor = next;
  }
}

// Of the API's own, which another try may not meet.
const isFailure = ({ status, problem }) => Boolean(problem) && status >= 500;

function retryAfter(headers) {
  const text = headers?.get("Retry-After");
  if (!text) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The selected rows, a Map by key, for new keys. */
export function pick(selected, shown, keys) {
  const byKey = new Map([...selected, ...shown.map((row) => [row.key, row])]);
  return new Map([...keys].filter((key) => byKey.has(key)).map((key) => [key, byKey.get(key)]));
}

/** The selected rows with the states that are shown by now; the same Map if nothing is newer. */
export function refresh(selected, shown) {
  const isNewer = ({ key, item }) => selected.has(key) && selected.get(key).item !== item;
  return shown.some(isNewer) ? pick(selected, shown, selected.keys()) : selected;
}
