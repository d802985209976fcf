import { createTodo, deleteTodo, getTodo, listTodos, mergeTodo, replaceTodo } from "./generated";
import { run, type Answer } from "./scenario";

function answer<Body>({ data, response }: { data?: Body; response?: Response }): Answer<Body> {
  return { status: response?.status ?? 0, body: data };
}

void run({
  create: async (body) => answer(await createTodo({ body: { ...body } })),
  get: async (id) => answer(await getTodo({ path: { id } })),
  list: async (query) => answer(await listTodos({ query })),
  replace: async (id, etag, change) =>
    answer(await replaceTodo({ path: { id }, headers: { "If-Match": etag }, body: { ...change } })),
  merge: async (id, etag, change) =>
    answer(await mergeTodo({ path: { id }, headers: { "If-Match": etag }, body: { ...change } })),
  remove: async (id, etag) => answer(await deleteTodo({ path: { id }, headers: { "If-Match": etag } })),
});
