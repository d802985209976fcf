import { Api, type HttpResponse } from "./generated";
import { run, type Answer } from "./scenario";

const { items } = new Api();

function answer<Body>({ data, status }: HttpResponse<Body, unknown>): Answer<Body> {
  return { status, body: data ?? undefined };
}

void run({
  create: async (body) => answer(await items.createItem(body)),
  get: async (id) => answer(await items.getItem(id)),
  list: async (query) => answer(await items.listItems(query)),
  remove: async (id, etag) => answer(await items.deleteItem(id, { headers: { "If-Match": etag } })),
});
