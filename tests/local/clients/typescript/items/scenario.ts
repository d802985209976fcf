// What a program does with a client of the items example, whichever generator made the client.

import assert from "node:assert/strict";

export interface NewItem {
  id?: string;
  [name: string]: unknown;
}

export interface Item {
  id: string;
  createdAt: string;
  updatedAt: string;
  version: number;
  [name: string]: unknown;
}

export interface Query {
  limit?: number;
  cursor?: string;
  fields?: string;
}

export interface Answer<Body> {
  status: number;
  body?: Body;
}

export interface Page {
  items: Item[];
  count: number;
  next: string | null;
}

/** A generated client, with its own types: an adapter must compile without a cast. */
export interface Client {
  create(item: NewItem): Promise<Answer<Item>>;
  get(id: string): Promise<Answer<Item>>;
  list(query: Query): Promise<Answer<Page>>;
  remove(id: string, etag: string): Promise<Answer<unknown>>;
}

function body<Body>(answer: Answer<Body>, status = 200): Body {
  assert.equal(answer.status, status, JSON.stringify(answer));
  assert(answer.body !== undefined);
  return answer.body;
}

export async function run(client: Client): Promise<void> {
  const pen = { id: `pen-${process.pid}`, name: "pen", price: 1.5, parts: [{ ink: "blue" }, null], completed: "maybe" };
  const made = body(await client.create(pen), 201);
  const { createdAt, updatedAt, version, ...own } = made;
  assert.deepEqual([own, version, createdAt], [pen, 1, updatedAt]);
  assert.deepEqual(body(await client.get(pen.id)), made);
  assert.equal((await client.create(pen)).status, 409);
  const other = body(await client.create({ name: "ink" }), 201);

  const seen: Item[] = [];
  for (let cursor: string | undefined, more = true; more; ) {
    const page: Page = body(await client.list({ limit: 1, cursor }));
    seen.push(...page.items);
    more = page.next !== null;
    cursor = page.next ?? undefined;
  }
  assert.deepEqual(seen.filter(({ id }) => id === made.id || id === other.id), [made, other]);
  const narrow = body(await client.list({ fields: "name", limit: 100 })).items.find(({ id }) => id === made.id);
  assert.deepEqual(narrow, { id: pen.id, name: "pen" });

  assert.equal((await client.remove(made.id, '"old"')).status, 412);
  for (const item of [made, other]) {
    assert.equal((await client.remove(item.id, `"${item.createdAt}-${item.version}"`)).status, 204);
  }
  assert.equal((await client.get(made.id)).status, 404);
  console.log("done");
}
