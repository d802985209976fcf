import createClient from "openapi-fetch";
import type { paths } from "./generated";
import { run, type Answer } from "./scenario";

const { DELETE, GET, POST } = createClient<paths>({ baseUrl: process.env.API_URL });

function answer<Body>({ data, response }: { data?: Body; response: Response }): Answer<Body> {
  return { status: response.status, body: data };
}

void run({
  create: async (body) => answer(await POST("/items", { body })),
  get: async (id) => answer(await GET("/items/{id}", { params: { path: { id } } })),
  list: async (query) => answer(await GET("/items", { params: { query } })),
  remove: async (id, etag) =>
    answer(await DELETE("/items/{id}", { params: { path: { id }, header: { "If-Match": etag } } })),
});
