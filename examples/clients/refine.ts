// A data provider of refine for a Trestle API: <Refine dataProvider={refineProvider(url)}>.
//
// refine does not pass the item that a form loaded to its update. The provider uses the item as it was last read. Pass
// the form's item as `meta: { item }` if lists are read again while a form is open.

import type { CrudFilter, DataProvider } from "@refinedev/core";
import { trestle, type Item, type Options } from "./trestle";

/** Return refine's conditions as the API's parameters; throw an error for those that the API lacks. */
function filterOf(filters: CrudFilter[]): Record<string, unknown> {
  return Object.fromEntries(
    filters.map((filter) => {
      if (filter.operator === "eq") return [filter.field, filter.value];
      if (filter.operator === "startswiths") return [`${filter.field}.prefix`, filter.value];
      if (["gt", "gte", "lt", "lte"].includes(filter.operator) && "field" in filter) {
        return [`${filter.field}.${filter.operator}`, filter.value];
      }
      throw new Error(`Trestle has no filter "${filter.operator}". Use eq, gt, gte, lt, lte or startswiths.`);
    }),
  );
}

export function refineProvider(url: string, options?: Options): DataProvider {
  const api = trestle(url, options);
  const read = new Map<string, Item>();

  function remember(resource: string, items: Item[]): any[] {
    for (const item of items) read.set(`${resource}/${item.id}`, item);
    return items;
  }

  const known = async (resource: string, id: string | number, meta?: Record<string, any>): Promise<Item> =>
    meta?.item ?? read.get(`${resource}/${id}`) ?? api.get<Item>(resource, id);

  return {
    getApiUrl: () => url,
    async getList({ resource, pagination, filters = [], sorters = [] }) {
      const { currentPage: page = 1, pageSize: size = 10 } = pagination ?? {};
      const listing = { filter: filterOf(filters), page, size, sort: sorters[0] };
      const { items, hasNext } = await api.list<Item>(resource, listing);
      // The API has no totals. This one counts the items up to this page, and lets pagers offer the next page.
      const total = (page - 1) * size + items.length + (hasNext ? 1 : 0);
      return { data: remember(resource, items), total };
    },
    getOne: async ({ resource, id }) => ({ data: remember(resource, [await api.get<Item>(resource, id)])[0] }),
    getMany: async ({ resource, ids }) => ({ data: remember(resource, await api.many<Item>(resource, ids)) }),
    create: async ({ resource, variables }) => ({
      data: remember(resource, [await api.create<Item>(resource, variables as object)])[0],
    }),
    async update({ resource, id, variables, meta }) {
      const before = await known(resource, id, meta);
      return { data: remember(resource, [await api.change<Item>(resource, before, variables as object)])[0] };
    },
    async deleteOne({ resource, id, meta }) {
      const item: any = await known(resource, id, meta);
      await api.remove(resource, item);
      read.delete(`${resource}/${id}`);
      return { data: item };
    },
  };
}
