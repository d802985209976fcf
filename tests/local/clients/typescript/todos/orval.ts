import { createTodo, deleteTodo, getTodo, listTodos, mergeTodo, replaceTodo } from "./generated";
import { run } from "./scenario";

const match = (etag: string) => ({ headers: { "If-Match": etag } });

void run({
  create: async (todo) => {
    const answer = await createTodo({ ...todo });
    return answer.status === 201 ? { status: 201, body: answer.data } : { status: answer.status };
  },
  get: async (id) => {
    const answer = await getTodo(id);
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  list: async (query) => {
    const answer = await listTodos(query);
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  replace: async (id, etag, change) => {
    const answer = await replaceTodo(id, { ...change }, match(etag));
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  merge: async (id, etag, change) => {
    const answer = await mergeTodo(id, { ...change }, match(etag));
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  remove: (id, etag) => deleteTodo(id, match(etag)),
});
