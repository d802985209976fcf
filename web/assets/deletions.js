// Deletions that can be undone: nothing is sent for a few seconds, and undoing means not to send it.
import { hashOf } from "./route.js";

const DELAY_MS = 6000;

/** notify: shows a note, and gives a function that takes it away. */
export function createDeletions(api, notify) {
  const pending = new Map();
  const deleted = new Map();
  const listeners = new Set();
  const keyOf = (entity, id) => `${entity.name}/${id}`;
  const notifyListeners = () => listeners.forEach((listener) => listener());

  /** Delete an item soon, unless it has changed since the user saw it. label: what it is called. */
  function schedule(entity, item, label) {
    const { id } = item;
    const key = keyOf(entity, id);
    const deletion = { item, send };
    deleted.set(key, item.createdAt);
    async function send({ keepalive = false } = {}) {
      clearTimeout(timer);
      pending.delete(key);
      close();
      const headers = { "If-Match": etagOf(deletion.item) };
      const { status, problem } = await api.call(entity.operations.delete, { id, headers, keepalive });
      if (!problem || status === 404) return;
      deleted.delete(key);
      notifyListeners();
      const conflict = "It was changed meanwhile: look at it again before you delete it";
      notify({ text: `Not deleted. ${status === 412 ? conflict : problem.detail}`, tone: "bad" });
    }
    const undo = () => {
      clearTimeout(timer);
      pending.delete(key);
      deleted.delete(key);
      notifyListeners();
      // The button that was pressed is gone: the row is there again.
      setTimeout(() => (document.querySelector(`main a[href="${hashOf({ name: entity.name, id })}"]`) ?? heading()).focus());
    };
    const timer = setTimeout(send, DELAY_MS);
    const close = notify({ text: `Deleted “${label}”`, action: { label: "Undo", run: undo }, isSticky: true });
    pending.set(key, deletion);
    notifyListeners();
  }

  /** Send what waits, now. */
  function flush(options) {
    [...pending.values()].forEach(({ send }) => send(options));
  }

  /** Take the item that the user's own change has made of one, which may be about to be deleted. */
  function follow(entity, item) {
    const deletion = pending.get(keyOf(entity, item.id));
    // One version further: nobody else has changed it in between.
    if (deletion?.item.createdAt === item.createdAt && deletion.item.version + 1 === item.version) deletion.item = item;
  }

  addEventListener("pagehide", () => flush({ keepalive: true }));

  return {
    schedule,
    flush,
    follow,
    /** Whether an item is deleted, or about to be. One that was made of the same id since is another. */
    has: (entity, item) => deleted.get(keyOf(entity, item.id)) === item.createdAt,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// The entity tag of an item in a list, as docs/reference/http-api.md has it.
function etagOf({ createdAt, version }) {
  return `"${createdAt}-${version}"`;
}

const heading = () => document.querySelector("main h1");
