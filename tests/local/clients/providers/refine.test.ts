import assert from "node:assert/strict";
import { refineProvider } from "./refine";

async function run(): Promise<void> {
  const provider = refineProvider(process.env.API_URL!);
  const resource = "todos";
  const made: any[] = [];
  for (const n of [1, 2, 3]) {
    made.push((await provider.create({ resource, variables: { title: `Todo ${n}`, note: n } })).data);
  }
  const open = { field: "completed", operator: "eq" as const, value: false };
  const sorters = [{ field: "createdAt", order: "desc" as const }];
  const page = (currentPage: number) =>
    provider.getList({ resource, pagination: { currentPage, pageSize: 2 }, filters: [open], sorters });
  assert.deepEqual(await page(1), { data: [made[2], made[1]], total: 3 });
  assert.deepEqual((await page(2)).data[0], made[0]);
  const since = { field: "createdAt", operator: "gte" as const, value: made[1].createdAt };
  assert.deepEqual((await provider.getList({ resource, filters: [open, since] })).data, made.slice(1));
  const contains = { field: "title", operator: "contains" as const, value: "x" };
  await assert.rejects(provider.getList({ resource, filters: [contains] }), /Trestle has no filter "contains"/);

  const { id } = made[0];
  const other = refineProvider(provider.getApiUrl());
  assert.deepEqual((await provider.getOne({ resource, id })).data, made[0]);
  const changed = (await other.update({ resource, id, variables: { completed: true } })).data;
  assert.equal(changed.completed, true);
  await assert.rejects(provider.update({ resource, id, variables: { title: "Lost" } }), { statusCode: 412 });
  const meta = { item: changed };
  assert.equal((await provider.update({ resource, id, variables: { title: "Kept" }, meta })).data.version, 3);
  await assert.rejects(other.deleteOne({ resource, id }), { statusCode: 412 });
  assert.equal((await provider.getMany!({ resource, ids: [id] })).data[0].title, "Kept");
  for (const { id: each } of made) await provider.deleteOne({ resource, id: each });
  await assert.rejects(provider.getOne({ resource, id }), { statusCode: 404 });
  console.log("done");
}

void run();
