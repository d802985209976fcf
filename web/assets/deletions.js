// Deletions that can be undone: nothing is sent for a few seconds, and undoing means not to send it.
import { hashOf } from "./route.js";

const DELAY = 6000;

/** notify: shows a note, and gives a function that takes it away. */
export function createDeletions(api, notify) {
  const waiting = new Map();
  const gone = new Map();
  const listeners = new Set();
  const keyOf = (entity, id) => `${entity.name}/${id}`;
  const changed = () => listeners.forEach((listener) => listener());

  /** Delete an item soon, unless it has changed since the user saw it. label: what it is called. */
  function remove(entity, item, label) {
    const { id } = item;
    const key = keyOf(entity, id);
    gone.set(key, item.createdAt);
    const send = async ({ keepalive = false } = {}) => {
      clearTimeout(timer);
      waiting.delete(key);
      close();
      const headers = { "If-Match": etagOf(item) };
      const { status, problem } = await api.call(entity.operations.delete, { id, headers, keepalive });
      if (!problem || status === 404) return;
      gone.delete(key);
      changed();
      const changedMeanwhile = "It was changed meanwhile: look at it again before you delete it";
      notify({ text: `Not deleted. ${status === 412 ? changedMeanwhile : problem.detail}`, tone: "bad" });
    };
    const undo = () => {
      clearTimeout(timer);
      waiting.delete(key);
      gone.delete(key);
      changed();
      // The button that was pressed is gone: the row is there again.
      setTimeout(() => (document.querySelector(`main a[href="${hashOf({ name: entity.name, id })}"]`) ?? heading()).focus());
    };
    const timer = setTimeout(send, DELAY);
    const close = notify({ text: `Deleted “${label}”`, action: { label: "Undo", run: undo }, stays: true });
    waiting.set(key, send);
    changed();
  }

  /** Send what waits, now. */
  function flush(options) {
    [...waiting.values()].forEach((send) => send(options));
  }

  addEventListener("pagehide", () => flush({ keepalive: true }));

  return {
    remove,
    flush,
    /** Whether an item is deleted, or about to be. One that was made of the same id since is another. */
    has: (entity, item) => gone.get(keyOf(entity, item.id)) === item.createdAt,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// The entity tag of an item in a list, as docs/api.md has it.
function etagOf({ createdAt, version }) {
  return `"${createdAt}-${version}"`;
}

const heading = () => document.querySelector("main h1");
