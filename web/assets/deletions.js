// Deletions that can be undone: nothing is sent for a few seconds, and undoing means not to send it.
import { hashOf } from "./route.js";

const DELAY_MS = 6000;
const MAX_KEEPALIVE = 20; // requests that a browser is trusted to send after the page

/** notify: shows a note, and gives a function that takes it away. jobs: sends the deletions of many. */
export function createDeletions(api, notify, jobs) {
  const pending = new Set();
  const deleted = new Map();
  const listeners = new Set();
  const keyOf = (entity, { id }, owner = "") => `${entity.name}/${owner}/${id}`;
  const notifyListeners = () => listeners.forEach((listener) => listener());

  /** Delete an item soon, unless it has changed since the user saw it. label: what it is called. owner: whose it is, if it is not the caller's. */
  function schedule(entity, item, label, { owner } = {}) {
    scheduleAll(entity, [{ id: item.id, owner, item }], `“${label}”`);
  }

  /** Delete the items of rows soon, with one undo for all. label: what they are called. */
  function scheduleAll(entity, rows, label) {
    // Rows of their own: `follow` changes them.
    const batch = { entity, rows: rows.map((row) => ({ ...row })), send };
    const mark = ({ item, owner }, isDeleted) => {
      if (isDeleted) deleted.set(keyOf(entity, item, owner), item.createdAt);
      else deleted.delete(keyOf(entity, item, owner));
    };
    const end = () => {
      clearTimeout(timer);
      pending.delete(batch);
      close();
    };
    const markAll = (isDeleted) => {
      batch.rows.forEach((row, index) => mark(row, isDeleted(index)));
      notifyListeners();
    };
    async function send({ keepalive = false } = {}) {
      // What no browser would send to the end is not begun: whoever leaves has been warned.
      if (keepalive && batch.rows.length > MAX_KEEPALIVE) return;
      end();
      const sendRow = (row) => deleteRow(api, entity, row, keepalive);
      if (batch.rows.length > 1 && !keepalive) {
        const onEnd = ({ outcomes }) => markAll((index) => outcomes[index] && !outcomes[index].problem);
        jobs.start({ entity, doing: "Deleting", done: "deleted", tasks: batch.rows, send: sendRow, onEnd });
        return;
      }
      const answers = await Promise.all(batch.rows.map(sendRow));
      const { problem } = answers.find((answer) => answer.problem) ?? {};
      if (!problem) return;
      markAll((index) => !answers[index].problem);
      notify({ text: `Not deleted. ${problem.detail}`, tone: "bad" });
    }
    const undo = () => {
      end();
      markAll(() => false);
      // The button that was pressed is gone: the row is there again.
      const [{ id }] = batch.rows;
      setTimeout(() => (document.querySelector(`main a[href="${hashOf({ name: entity.name, id })}"]`) ?? heading()).focus());
    };
    const timer = setTimeout(send, DELAY_MS);
    const close = notify({ text: `Deleted ${label}`, action: { label: "Undo", run: undo }, isSticky: true });
    pending.add(batch);
    markAll(() => true);
  }

  /** Send what waits, now. */
  function flush(options) {
    [...pending].forEach(({ send }) => send(options));
  }

  /** Take the item that the user's own change has made of one, which may be about to be deleted. */
  function follow(entity, item) {
    const rows = [...pending].filter((batch) => batch.entity.name === entity.name).flatMap((batch) => batch.rows);
    const row = rows.find((row) => row.id === item.id && row.item.createdAt === item.createdAt);
    // One version further: nobody else has changed it in between.
    if (row && row.item.version + 1 === item.version) row.item = item;
  }

  addEventListener("pagehide", () => flush({ keepalive: true }));
  addEventListener("beforeunload", (event) => {
    if ([...pending].some(({ rows }) => rows.length > MAX_KEEPALIVE)) event.preventDefault();
  });

  return {
    schedule,
    scheduleAll,
    flush,
    follow,
    /** Whether an item is deleted, or about to be. One that was made of the same id since is another. */
    has: (entity, item, { owner } = {}) => deleted.get(keyOf(entity, item, owner)) === item.createdAt,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

async function deleteRow(api, entity, { id, owner, item }, keepalive) {
  const headers = { "If-Match": etagOf(item) };
  const answer = await api.call(entity.operations.delete, { id, query: { owner }, headers, keepalive });
  if (answer.status === 404) return { ...answer, problem: null };
  if (answer.status !== 412) return answer;
  return { ...answer, problem: { ...answer.problem, detail: "The item has changed since you saw it. Review it before you delete it." } };
}

/** The entity tag of an item in a list, as docs/reference/http-api.md has it. */
export function etagOf({ createdAt, version }) {
  return `"${createdAt}-${version}"`;
}

const heading = () => document.querySelector("main h1");
