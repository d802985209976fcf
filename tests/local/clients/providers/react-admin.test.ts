import assert from "node:assert/strict";
import { reactAdminProvider } from "./react-admin";

async function run(): Promise<void> {
  const provider = reactAdminProvider(process.env.API_URL!);
  const page = (number: number, sort = { field: "createdAt", order: "DESC" as const }) =>
    provider.getList("todos", { pagination: { page: number, perPage: 2 }, sort, filter: { completed: false } });
  const made: any[] = [];
  for (const n of [1, 2, 3, 4, 5]) {
    made.push((await provider.create("todos", { data: { title: `Todo ${n}`, place: { town: "Ulm", street: "1" } } })).data);
  }
  const newest = [...made].reverse();

  // Page 3 first: pages need no order. Then back, as pagers do.
  const third = await page(3);
  assert.deepEqual(third.data[0], newest[4]);
  assert.deepEqual(await page(1), { data: newest.slice(0, 2), pageInfo: { hasNextPage: true, hasPreviousPage: false } });
  assert.deepEqual((await page(2)).data, newest.slice(2, 4));
  assert.deepEqual((await page(1000)).data, []);
  const all = { pagination: { page: 1, perPage: 250 }, sort: { field: "id", order: "ASC" as const }, filter: {} };
  const everything = await provider.getList("todos", all);
  assert.deepEqual(everything.data.slice(-5), made);
  assert.equal(everything.pageInfo?.hasNextPage, false);
  const title = { field: "title", order: "ASC" as const };
  await assert.rejects(provider.getList("todos", { ...all, sort: title }), /sorts by createdAt and not by title/);
  const since = { completed: false, createdAt: { gte: made[3].createdAt } };
  assert.deepEqual((await provider.getList("todos", { ...all, filter: since })).data, made.slice(3));
  const open = { target: "completed", id: "false", ...all };
  assert.deepEqual((await provider.getManyReference("todos", open)).data.slice(-5), made);

  const [first, second] = made;
  assert.deepEqual((await provider.getOne("todos", { id: first.id })).data, first);
  assert.deepEqual((await provider.getMany("todos", { ids: [second.id, "none", first.id] })).data, [second, first]);

  const data = { ...first, title: "Changed", place: { town: "Bonn" } };
  const changed = (await provider.update("todos", { id: first.id, data, previousData: first })).data;
  assert.deepEqual(changed, { ...data, version: 2, updatedAt: changed.updatedAt });
  const lost = provider.update("todos", { id: first.id, data: { ...first, title: "Lost" }, previousData: first });
  await assert.rejects(lost, { status: 412 });
  const wrong = provider.update("todos", { id: first.id, data: { ...changed, title: "" }, previousData: changed });
  await assert.rejects(wrong, (error: any) => error.status === 422 && Object.keys(error.body.errors).join() === "title");
  await provider.updateMany("todos", { ids: [first.id, second.id], data: { completed: true } });
  const done = await provider.getMany("todos", { ids: [first.id, second.id] });
  assert.deepEqual(done.data.map(({ completed }) => completed), [true, true]);

  await assert.rejects(provider.delete("todos", { id: first.id, previousData: first }), { status: 412 });
  assert.equal((await provider.delete("todos", { id: first.id, previousData: done.data[0] })).data.id, first.id);
  const rest = made.slice(1).map(({ id }) => id);
  assert.deepEqual((await provider.deleteMany("todos", { ids: rest })).data, rest);
  await assert.rejects(provider.getOne("todos", { id: rest[0] }), { status: 404 });
  console.log("done");
}

void run();
