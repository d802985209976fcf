import createClient from "openapi-fetch";
import type { paths } from "./generated";
import { run, type Answer } from "./scenario";

const { DELETE, GET, PATCH, POST, PUT } = createClient<paths>({ baseUrl: process.env.API_URL });

function answer<Body>({ data, response }: { data?: Body; response: Response }): Answer<Body> {
  return { status: response.status, body: data };
}

const one = (id: string, etag: string) => ({ path: { id }, header: { "If-Match": etag } });

void run({
  create: async (body) => answer(await POST("/todos", { body: { ...body } })),
  get: async (id) => answer(await GET("/todos/{id}", { params: { path: { id } } })),
  list: async (query) => answer(await GET("/todos", { params: { query } })),
  replace: async (id, etag, change) =>
    answer(await PUT("/todos/{id}", { params: one(id, etag), body: { ...change } })),
  merge: async (id, etag, change) =>
    answer(await PATCH("/todos/{id}", { params: one(id, etag), body: { ...change } })),
  remove: async (id, etag) => answer(await DELETE("/todos/{id}", { params: one(id, etag) })),
});
