import { createItem, deleteItem, getItem, listItems } from "./generated";
import { run, type Answer } from "./scenario";

function answer<Body>({ data, response }: { data?: Body; response?: Response }): Answer<Body> {
  return { status: response?.status ?? 0, body: data };
}

void run({
  create: async (body) => answer(await createItem({ body })),
  get: async (id) => answer(await getItem({ path: { id } })),
  list: async (query) => answer(await listItems({ query })),
  remove: async (id, etag) => answer(await deleteItem({ path: { id }, headers: { "If-Match": etag } })),
});
