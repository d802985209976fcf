// JSON without loss: a number with more digits than JavaScript keeps is a JSON.rawJSON object.
import { MAX_DIGITS } from "./contract.js";

export const isSupported = typeof JSON.rawJSON === "function";

const MAX_LEVELS = 500; // of nesting; more than the API allows
const MAX_EXPONENT = 125;
const MIN_EXPONENT = -130;
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

export function parse(text) {
  if (nestingDepth(text) > MAX_LEVELS) throw new SyntaxError(`Objects and arrays are nested more than ${MAX_LEVELS} deep`);
  return JSON.parse(text, (_, value, context) => (typeof value === "number" ? parseNumber(context.source) : value));
}

/** Like the API, refuse repeated names. */
export function parseTyped(text) {
  const value = parse(text);
  const names = []; // null for arrays
  for (const { 0: found, 1: name, index } of text.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")\s*:|"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/gs)) {
    if (name) {
      const known = names.at(-1);
      const read = JSON.parse(name);
      if (known.has(read)) throw new SyntaxError(`${name} appears twice in one object (line ${text.slice(0, index).split("\n").length})`);
      known.add(read);
    } else if (found === "{") names.push(new Set());
    else if (found === "[") names.push(null);
    else if (found === "}" || found === "]") names.pop();
  }
  return value;
}

export function stringify(value, indent) {
  return JSON.stringify(value, null, indent);
}

/** A value as text; JSON, unless it is a string. */
export const queryText = (value) => (typeof value === "string" ? value : stringify(value));

export function parseNumber(text) {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) && canonicalNumber(String(value)) === canonicalNumber(text) ? value : JSON.rawJSON(text);
}

export function numberText(value) {
  return typeof value === "number" ? String(value) : value.rawJSON;
}

export function isNumber(value) {
  return typeof value === "number" || JSON.isRawJSON(value);
}

/** Arrays and exact numbers have other prototypes. */
export function isObject(value) {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Never an inherited property, such as `constructor`. */
export function own(object, name) {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function without(object, name) {
  return Object.fromEntries(Object.entries(object).filter(([other]) => other !== name));
}

/** As in JSON: 1 is 1.0, and the order of names is irrelevant. */
export function isEqual(one, other) {
  return comparisonKey(one) === comparisonKey(other);
}

export function comparisonKey(value) {
  if (value === undefined) return "";
  if (isNumber(value)) return canonicalNumber(numberText(value));
  if (Array.isArray(value)) return `[${value.map(comparisonKey).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${comparisonKey(value[name])}`).join()}}`;
}

/** digits × 10 ** exponent, without trailing zeros. */
export function decimal(value) {
  const [, sign, whole, fraction = "", power = "0"] = NUMBER.exec(numberText(value));
  const written = (whole + fraction).replace(/^0+/, "");
  const digits = written.replace(/0+$/, "");
  if (!digits) return { digits: 0n, exponent: 0, length: 0 };
  const exponent = Number(power) - fraction.length + written.length - digits.length;
  return { digits: BigInt(sign + digits), exponent, length: digits.length };
}

export function isStorable(value) {
  const { exponent, length } = decimal(value);
  const first = exponent + length - 1;
  return length === 0 || (length <= MAX_DIGITS && first <= MAX_EXPONENT && first >= MIN_EXPONENT);
}

export function compare(one, other) {
  const [a, b] = alignDigits(one, other);
  return a < b ? -1 : Number(a > b);
}

export function isMultiple(value, unit) {
  const [a, b] = alignDigits(value, unit);
  return a % b === 0n;
}

export function isInteger(value) {
  return decimal(value).exponent >= 0;
}

function nestingDepth(text) {
  let [level, most] = [0, 0];
  for (const [found] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/gs)) {
    if (found === "[" || found === "{") most = Math.max(most, ++level);
    else if (found === "]" || found === "}") level--;
  }
  return most;
}

function alignDigits(one, other) {
  const [a, b] = [decimal(one), decimal(other)];
  const least = Math.min(a.exponent, b.exponent);
  return [a, b].map(({ digits, exponent }) => digits * 10n ** BigInt(exponent - least));
}

function canonicalNumber(text) {
  const match = decimal(JSON.rawJSON(text));
  return `${match.digits}e${match.exponent}`;
}

// --- patches and merges ---

export function writablePart(schema, value) {
  if (Array.isArray(value)) return schema.items ? value.map((element) => writablePart(schema.items, element)) : value;
  if (!isObject(value)) return value;
  const rule = (name) => own(schema.properties ?? {}, name) ?? {};
  const members = Object.entries(value).filter(([name]) => !rule(name).readOnly);
  return Object.fromEntries(members.map(([name, member]) => [name, writablePart(rule(name), member)]));
}

export function pointer(parent, name) {
  return `${parent}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The names in a pointer. */
export const pointerNames = (where) => where.split("/").slice(1).map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The merge patch (RFC 7396), or undefined: null in a patch removes a property. */
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

/** Merge the changes of both sides. For a conflict, merged has mine; undefined is a missing property. */
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
    if (isEqual(myValue, theirValue)) value = theirValue; // unchanged, or the same change
    else if (isObject(baseValue) && isObject(myValue) && isObject(theirValue)) {
      value = merge(baseValue, myValue, theirValue, memberPath, conflicts, changes);
    } else if (isEqual(baseValue, theirValue)) changes.push({ ...place, isTheirs: false, before: baseValue, after: myValue });
    else if (isEqual(baseValue, myValue)) {
      changes.push({ ...place, isTheirs: true, before: baseValue, after: theirValue });
      value = theirValue;
    } else conflicts.push({ ...place, mine: myValue, theirs: theirValue });
    if (value !== undefined) entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

export function setAtPath(value, [name, ...rest], changed) {
  const next = rest.length ? setAtPath(own(value, name) ?? {}, rest, changed) : changed;
  return next === undefined ? without(value, name) : { ...value, [name]: next };
}
