import { createItem, deleteItem, getItem, listItems } from "./generated";
import { run } from "./scenario";

void run({
  create: async (item) => {
    const answer = await createItem(item);
    return answer.status === 201 ? { status: 201, body: answer.data } : { status: answer.status };
  },
  get: async (id) => {
    const answer = await getItem(id);
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  list: async (query) => {
    const answer = await listItems(query);
    return answer.status === 200 ? { status: 200, body: answer.data } : { status: answer.status };
  },
  remove: (id, etag) => deleteItem(id, { headers: { "If-Match": etag } }),
});
