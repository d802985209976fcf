// A small client of a Trestle API, which the data providers in this folder share. It needs only `fetch`.

export interface Item {
  id: string;
  createdAt: string;
  updatedAt: string;
  version: number;
  [name: string]: unknown;
}

export interface Options {
  /** Headers of each request, such as X-Api-Key or Authorization; a function may renew a token. */
  headers?: () => Record<string, string> | Promise<Record<string, string>>;
  /** The sort property of each filter, if it is not createdAt: `{ todos: { status: "dueDate" } }`. */
  sorts?: Record<string, Record<string, string>>;
}

export interface Listing {
  filter?: object;
  page: number;
  size: number;
  sort?: { field: string; order: string };
}

export interface ListPage<T> {
  items: T[];
  hasNext: boolean;
}

/** An unsuccessful response, in the shape that react-admin and refine show beside a form's fields. */
export class Refused extends Error {
  readonly statusCode: number;

  constructor(
    readonly status: number,
    message: string,
    readonly errors: Record<string, string>,
    readonly body: unknown,
  ) {
    super(message);
    this.statusCode = status;
  }
}

/** Return the entity tag of an item as it was read. */
export const tag = (item: Pick<Item, "createdAt" | "version">): string => `"${item.createdAt}-${item.version}"`;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Return the merge patch from one object to another. A property that is missing from a nested object becomes null. */
function difference(before: object, after: object, nested = false): Record<string, unknown> {
  const old = new Map<string, unknown>(Object.entries(before));
  const patch: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    const was = old.get(name);
    if (isObject(value) && isObject(was)) {
      const inner = difference(was, value, true);
      if (Object.keys(inner).length > 0) patch[name] = inner;
    } else if (value !== undefined && JSON.stringify(value) !== JSON.stringify(was)) {
      patch[name] = value;
    }
  }
  for (const name of nested ? old.keys() : []) if (!(name in after)) patch[name] = null;
  return patch;
}

/** Return a filter form's values as parameters: { createdAt: { gte: "2026" } } is createdAt.gte=2026. */
function parameters(filter: object, prefix = ""): [string, string][] {
  return Object.entries(filter).flatMap(([name, value]): [string, string][] => {
    if (isObject(value)) return parameters(value, `${prefix}${name}.`);
    return value === undefined || value === null || value === "" ? [] : [[`${prefix}${name}`, String(value)]];
  });
}

export function trestle(url: string, { headers, sorts = {} }: Options = {}) {
  // The cursor of each visited page of a list, because frameworks number pages and the API uses cursors.
  const starts = new Map<string, Map<number, string>>();

  async function request<T>(method: string, path: string, body?: object, etag?: string): Promise<T> {
    const response = await fetch(`${url}/${path}`, {
      method,
      headers: {
        ...(await headers?.()),
        ...(body && { "Content-Type": "application/json" }),
        ...(etag !== undefined && { "If-Match": etag }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text || "null");
    let problem: { detail?: string; errors?: { pointer?: string; detail: string }[] } = {};
    try {
      problem = JSON.parse(text);
    } catch {
      // The response came from a proxy and not from the API, so there is only its status.
    }
    const errors = Object.fromEntries(
      (problem.errors ?? []).flatMap(({ pointer, detail }) => pointer ? [[pointer.slice(1).replaceAll("/", "."), detail]] : []),
    );
    throw new Refused(response.status, problem.detail ?? response.statusText, errors, { ...problem, errors });
  }

  const at = (resource: string, id: string | number) => `${resource}/${encodeURIComponent(id)}`;

  async function list<T>(resource: string, { filter = {}, page, size, sort }: Listing): Promise<ListPage<T>> {
    const query = parameters(filter);
    const sorted = query.map(([name]) => sorts[resource]?.[name]).find(Boolean) ?? "createdAt";
    // Frameworks request the order of ids by default, which a Trestle list does not have.
    if (sort && sort.field !== sorted && sort.field !== "id") {
      throw new Error(`This list of ${resource} sorts by ${sorted} and not by ${sort.field}.`);
    }
    if (sort?.order.toLowerCase() === "desc") query.push(["order", "desc"]);
    const key = JSON.stringify([resource, query, size]);
    const known = (page > 1 ? starts.get(key) : undefined) ?? new Map<number, string>();
    starts.set(key, known);

    const nearest = Math.max(1, ...[...known.keys()].filter((number) => number <= page));
    for (let number = nearest; ; number++) {
      const items: T[] = [];
      let cursor = known.get(number);
      do {
        const asked = new URLSearchParams([...query, ["limit", String(Math.min(size - items.length, 100))]]);
        if (cursor !== undefined) asked.set("cursor", cursor);
        const answer = await request<{ items: T[]; next: string | null }>("GET", `${resource}?${asked}`);
        items.push(...answer.items);
        cursor = answer.next ?? undefined;
      } while (cursor !== undefined && items.length < size);
      if (cursor === undefined) known.delete(number + 1);
      else known.set(number + 1, cursor);
      if (number === page) return { items, hasNext: cursor !== undefined };
      if (cursor === undefined) return { items: [], hasNext: false };
    }
  }

  return {
    list,
    get: <T>(resource: string, id: string | number) => request<T>("GET", at(resource, id)),
    create: <T>(resource: string, item: object) => request<T>("POST", resource, item),
    /** Change the properties that differ from the item as it was read; 412 if another client has changed it since. */
    change: <T>(resource: string, before: Item, after: object) =>
      request<T>("PATCH", at(resource, before.id), difference(before, after), tag(before)),
    remove: (resource: string, before: Item) =>
      request<null>("DELETE", at(resource, before.id), undefined, tag(before)),
    /** Return the existing items among these, in the order of the ids. */
    async many<T>(resource: string, ids: (string | number)[]): Promise<T[]> {
      const found = await Promise.all(
        ids.map((id) =>
          request<T>("GET", at(resource, id)).catch((error: unknown) => {
            if (error instanceof Refused && error.status === 404) return undefined;
            throw error;
          }),
        ),
      );
      return found.filter((item): item is Awaited<T> & {} => item !== undefined);
    },
  };
}
