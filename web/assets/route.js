// Where the page is, in the address's hash: #/todos, #/todos/ID, #/todos?completed=false. Names and ids never begin
// with "+": what does is the page's own, such as #/todos/+new.

export const NEW = "+new"; // a form for an item that is not there yet
export const IMPORT = "+import"; // items made of a table
export const TABLE = "+table"; // of an entity that has a view of its own

/** A hash as {name, id, query}: decoded, "" for what it does not have; query is an object without a prototype. */
export function readRoute(hash) {
  const [path, search = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [name = "", id = ""] = path.split("/").map(decodePart);
  return { name, id, query: Object.assign(Object.create(null), Object.fromEntries(new URLSearchParams(search))) };
}

/**
 * The name of a parameter that is the page's own, such as "search": with "+" before it where the entity's list has a parameter of that name.
 */
export function ownParameter(entity, name) {
  const isTaken = entity.filters.some((filter) => filter.name === name || filter.bounds.some((bound) => bound.name === name));
  return isTaken ? `+${name}` : name;
}

/** The hash of a route; parameters that are undefined are left out. */
export function hashOf({ name, id, query = {} }) {
  const path = [name, id].filter(Boolean).map(encodeURIComponent).join("/").replaceAll("%2B", "+");
  const parameters = Object.entries(query).filter(([, value]) => value !== undefined);
  return `#/${path}${parameters.length ? `?${new URLSearchParams(parameters)}` : ""}`;
}

function decodePart(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // someone typed a lone "%"
  }
}
