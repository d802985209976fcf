import { Api, type HttpResponse } from "./generated";
import { run, type Answer } from "./scenario";

const { todos } = new Api();

function answer<Body>({ data, status }: HttpResponse<Body, unknown>): Answer<Body> {
  return { status, body: data ?? undefined };
}

const match = (etag: string) => ({ headers: { "If-Match": etag } });

void run({
  create: async (body) => answer(await todos.createTodo({ ...body })),
  get: async (id) => answer(await todos.getTodo(id)),
  list: async (query) => answer(await todos.listTodos(query)),
  replace: async (id, etag, change) => answer(await todos.replaceTodo(id, { ...change }, match(etag))),
  merge: async (id, etag, change) => answer(await todos.mergeTodo(id, { ...change }, match(etag))),
  remove: async (id, etag) => answer(await todos.deleteTodo(id, match(etag))),
});
