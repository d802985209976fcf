// A data provider of react-admin for a Trestle API: <Admin dataProvider={reactAdminProvider(url)}>.

import type { DataProvider } from "ra-core";
import { trestle, type Item, type Options } from "./trestle";

export function reactAdminProvider(url: string, options?: Options): DataProvider {
  const api = trestle(url, options);

  const provider: DataProvider = {
    async getList(resource, { filter, pagination = { page: 1, perPage: 25 }, sort }) {
      const listing = { filter, page: pagination.page, size: pagination.perPage, sort };
      const { items, hasNext } = await api.list<any>(resource, listing);
      return { data: items, pageInfo: { hasNextPage: hasNext, hasPreviousPage: pagination.page > 1 } };
    },
    getOne: async (resource, { id }) => ({ data: await api.get<any>(resource, id) }),
    getMany: async (resource, { ids }) => ({ data: await api.many<any>(resource, ids) }),
    getManyReference: (resource, { target, id, filter, ...rest }) =>
      provider.getList(resource, { ...rest, filter: { ...filter, [target]: id } }),
    create: async (resource, { data }) => ({ data: await api.create<any>(resource, data) }),
    // `previousData` is the item that the form loaded, so that no other change is overwritten.
    update: async (resource, { data, previousData }) => ({
      data: await api.change<any>(resource, previousData as Item, data),
    }),
    async updateMany(resource, { ids, data }) {
      const items = await api.many<Item>(resource, ids);
      await Promise.all(items.map((item) => api.change(resource, item, data)));
      return { data: items.map(({ id }) => id) };
    },
    async delete(resource, { id, previousData }) {
      const item = previousData ?? (await api.get<any>(resource, id));
      await api.remove(resource, item);
      return { data: item };
    },
    async deleteMany(resource, { ids }) {
      const items = await api.many<Item>(resource, ids);
      await Promise.all(items.map((item) => api.remove(resource, item)));
      return { data: items.map(({ id }) => id) };
    },
  };
  return provider;
}
