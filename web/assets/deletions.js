// Deletions that can be undone: nothing is sent for a few seconds, and undoing means not to send it.

const DELAY = 6000;

/** notify: shows a note, and gives a function that takes it away. */
export function createDeletions(api, notify) {
  const waiting = new Map();
  const gone = new Set();
  const listeners = new Set();
  const keyOf = (entity, id) => `${entity.name}/${id}`;
  const changed = () => listeners.forEach((listener) => listener());

  /** Delete an item soon. etag: of the state that the user saw, if it is known. */
  function remove(entity, id, { label, etag } = {}) {
    const key = keyOf(entity, id);
    gone.add(key);
    const send = async ({ keepalive = false } = {}) => {
      clearTimeout(timer);
      waiting.delete(key);
      close();
      const headers = etag ? { "If-Match": etag } : {};
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
    };
    const timer = setTimeout(send, DELAY);
    const close = notify({ text: label ? `Deleted “${label}”` : "Deleted", action: { label: "Undo", run: undo }, stays: true });
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
    /** Whether an item is deleted, or about to be. */
    has: (entity, id) => gone.has(keyOf(entity, id)),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
