// Changes of an item: what is sent, and what happens when two people change it at a time.
import { isEqual, isObject, own, without } from "./json.js";
import { pointer } from "./validate.js";

/** A value without what clients cannot write. */
export function writablePart(schema, value) {
  if (Array.isArray(value)) return schema.items ? value.map((element) => writablePart(schema.items, element)) : value;
  if (!isObject(value)) return value;
  const rule = (name) => own(schema.properties ?? {}, name) ?? {};
  const members = Object.entries(value).filter(([name]) => !rule(name).readOnly);
  return Object.fromEntries(members.map(([name, member]) => [name, writablePart(rule(name), member)]));
}

/**
 * The JSON merge patch (RFC 7396) that makes `to` of `from`; undefined where none can, since null in a patch takes a
 * property away.
 */
export function mergePatch(from, to) {
  const changes = [];
  for (const name of Object.keys(from)) {
    if (!Object.hasOwn(to, name)) changes.push([name, null]);
  }
  for (const [name, value] of Object.entries(to)) {
    const before = own(from, name);
    if (before !== undefined && isEqual(before, value)) continue;
    const change = isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value;
    if (change === undefined || change === null) return undefined;
    changes.push([name, change]);
  }
  return Object.fromEntries(changes);
}

/**
 * {merged, conflicts, changes}: both sides' changes of `base`. For a conflict {path, pointer, mine, theirs}, merged has mine. changes are
 * of one side alone: {path, pointer, isTheirs, before, after}. undefined is a missing property.
 */
export function mergeThreeWay(base, mine, theirs) {
  const conflicts = [];
  const changes = [];
  const merged = merge(base, mine, theirs, [], conflicts, changes);
  return { merged, conflicts, changes };
}

function merge(base, mine, theirs, path, conflicts, changes) {
  const names = new Set([base, mine, theirs].flatMap(Object.keys));
  const entries = [];
  for (const name of names) {
    const [baseValue, myValue, theirValue] = [own(base, name), own(mine, name), own(theirs, name)];
    const memberPath = [...path, name];
    const place = { path: memberPath, pointer: memberPath.reduce(pointer, "") };
    let value = myValue;
    if (isEqualOrMissing(myValue, theirValue)) value = theirValue; // nobody's change, or the same one twice
    else if (isObject(baseValue) && isObject(myValue) && isObject(theirValue)) {
      value = merge(baseValue, myValue, theirValue, memberPath, conflicts, changes);
    } else if (isEqualOrMissing(baseValue, theirValue)) changes.push({ ...place, isTheirs: false, before: baseValue, after: myValue });
    else if (isEqualOrMissing(baseValue, myValue)) {
      changes.push({ ...place, isTheirs: true, before: baseValue, after: theirValue });
      value = theirValue;
    } else conflicts.push({ ...place, mine: myValue, theirs: theirValue });
    if (value !== undefined) entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

/** A value with another at a path of names; undefined takes the property away. */
export function setAtPath(value, [name, ...rest], changed) {
  const next = rest.length ? setAtPath(own(value, name) ?? {}, rest, changed) : changed;
  return next === undefined ? without(value, name) : { ...value, [name]: next };
}

function isEqualOrMissing(one, other) {
  return one === undefined || other === undefined ? one === other : isEqual(one, other);
}
