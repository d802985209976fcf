// What a program does with a client of the todos example, whichever generator made the client.

import assert from "node:assert/strict";

export interface NewTodo {
  title: string;
  completed?: boolean;
  note?: string;
}

export interface Todo {
  id: string;
  title: string;
  createdAt: string;
  version: number;
  completed?: boolean;
  description?: string;
  [name: string]: unknown;
}

export interface Change {
  title?: string;
  completed?: boolean;
  description?: string | null;
  note?: string | null;
}

export interface Query {
  limit?: number;
  cursor?: string;
  completed?: boolean;
  fields?: string;
  order?: "asc" | "desc";
}

export interface Answer<Body> {
  status: number;
  body?: Body;
}

export interface Page {
  items: Todo[];
  count: number;
  next: string | null;
}

/** A generated client, with its own types: an adapter must compile without a cast. */
export interface Client {
  create(todo: NewTodo): Promise<Answer<Todo>>;
  get(id: string): Promise<Answer<Todo>>;
  list(query: Query): Promise<Answer<Page>>;
  replace(id: string, etag: string, change: Change): Promise<Answer<Todo>>;
  merge(id: string, etag: string, change: Change): Promise<Answer<Todo>>;
  remove(id: string, etag: string): Promise<Answer<unknown>>;
}

const tag = (todo: Todo): string => `"${todo.createdAt}-${todo.version}"`;

function body<Body>(answer: Answer<Body>, status = 200): Body {
  assert.equal(answer.status, status, JSON.stringify(answer));
  assert(answer.body !== undefined);
  return answer.body;
}

export async function run(client: Client): Promise<void> {
  const ours = new Map<string, Todo>();
  for (const n of [1, 2, 3, 4, 5]) {
    const todo = body(await client.create({ title: `Todo ${n}`, note: `note ${n}` }), 201);
    ours.set(todo.id, todo);
  }
  const [first] = [...ours.values()];

  // A property that the schema does not name comes back, and so do the schema's defaults.
  assert.deepEqual({ ...first, id: 0, createdAt: 0, updatedAt: 0 }, {
    id: 0, createdAt: 0, updatedAt: 0, version: 1, title: "Todo 1", note: "note 1", completed: false, description: "",
  });
  assert.deepEqual(body(await client.get(first.id)), first);

  // Every item is on one page, whole and in order.
  const seen: Todo[] = [];
  for (let cursor: string | undefined, more = true; more; ) {
    const page: Page = body(await client.list({ limit: 2, cursor }));
    assert(page.count === page.items.length && page.count <= 2);
    seen.push(...page.items);
    more = page.next !== null;
    cursor = page.next ?? undefined;
  }
  assert.deepEqual(seen.filter((todo) => ours.has(todo.id)), [...ours.values()]);

  // An item's `fields` are what they say: no default fills in for what was left out.
  const narrow = body(await client.list({ limit: 100, fields: "title" })).items.find((todo) => todo.id === first.id);
  assert.deepEqual(narrow, { id: first.id, title: "Todo 1" });

  // Changes take the entity tag that a row of a list implies.
  const row = seen.find((todo) => todo.id === first.id);
  assert(row);
  const replaced = body(await client.replace(row.id, tag(row), { completed: true }));
  assert.deepEqual({ ...replaced, updatedAt: 0 }, { ...first, completed: true, version: 2, updatedAt: 0 });
  assert.equal((await client.merge(row.id, tag(row), { title: "Lost" })).status, 412);
  const merged = body(await client.merge(row.id, tag(replaced), { description: null, note: "changed" }));
  assert.deepEqual([merged.note, "description" in merged, merged.version], ["changed", false, 3]);
  assert.deepEqual(body(await client.get(row.id)), merged);

  const done = body(await client.list({ completed: true, order: "desc", limit: 100 })).items;
  assert.deepEqual(done.filter((todo) => ours.has(todo.id)), [merged]);
  const open = body(await client.list({ completed: false, limit: 100 })).items;
  assert.deepEqual(open.filter((todo) => ours.has(todo.id)), [...ours.values()].slice(1));

  assert.equal((await client.remove(row.id, tag(row))).status, 412);
  for (const todo of [merged, ...open]) assert.equal((await client.remove(todo.id, tag(todo))).status, 204);
  assert.equal((await client.get(row.id)).status, 404);
  console.log("done");
}
