// Search: which of the items that were read hold the words that the user typed. The API searches no texts, so the page reads on.
import { isNumber, isObject, numberText, own } from "./json.js";
import { labelOf, truncate } from "./text.js";

const EXCERPT_LENGTH = 80; // characters of a value around what was found
const haystacks = new WeakMap();

/** Lower case without accents, so that "zoe" finds "Zoë". */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * The conditions of a search text, all of which an item has to meet: [{text, property}]. Words are apart by spaces, "several words" are one
 * condition, and property:word looks in that property alone. entity: whose properties there are.
 */
export function readSearch(text, entity) {
  const conditions = [];
  for (const [, prefix, quoted, word] of text.matchAll(/(?:([^\s":]+):)?(?:"([^"]*)"?|(\S+))/g)) {
    const value = quoted ?? word;
    const property = prefix && propertyOf(prefix, entity);
    if (property) conditions.push({ text: fold(value), property });
    else conditions.push({ text: fold(prefix ? `${prefix}:${value}` : value) });
  }
  return conditions.filter((condition) => condition.text);
}

function propertyOf(prefix, entity) {
  const names = [...Object.keys(entity.item.properties ?? {}), "id", "createdAt", "updatedAt", "version"];
  return names.find((name) => name === prefix) ?? names.find((name) => fold(name) === fold(prefix));
}

/** Whether an item meets all conditions. owner: whose it is, where that is known. */
export function isMatch(item, conditions, owner) {
  const texts = haystackOf(item);
  return conditions.every(({ text, property }) =>
    property === undefined
      ? texts.all.includes(text) || (owner !== undefined && fold(owner).includes(text))
      : (texts.byName.get(property) ?? "").includes(text),
  );
}

/** Where an item meets a condition outside of the shown properties: {label, text}; null where all that was found is in view. */
export function foundElsewhere(item, conditions, shown, owner) {
  const { byName } = haystackOf(item);
  for (const { text, property } of conditions) {
    const names = [...byName].filter(([name, folded]) => (property ?? name) === name && folded.includes(text)).map(([name]) => name);
    const isInView = names.some((name) => shown.includes(name)) || (owner !== undefined && fold(owner).includes(text));
    if (names.length > 0 && !isInView) return { label: labelOf(names[0]), text: excerpt(plainTexts(own(item, names[0])).join(" · "), text) };
  }
  return null;
}

function excerpt(whole, found) {
  const place = Math.max(0, fold(whole).indexOf(found));
  const start = place + found.length <= EXCERPT_LENGTH ? 0 : Math.max(0, place - EXCERPT_LENGTH / 3);
  return `${start > 0 ? "…" : ""}${truncate(whole.slice(start), EXCERPT_LENGTH)}${whole.length > start + EXCERPT_LENGTH ? "…" : ""}`;
}

function haystackOf(item) {
  let found = haystacks.get(item);
  if (!found) {
    const byName = new Map(Object.entries(item).map(([name, value]) => [name, fold(plainTexts(value).join("\n"))]));
    found = { byName, all: [...byName.values()].join("\n") };
    haystacks.set(item, found);
  }
  return found;
}

// The texts in a value, as people see them: without names and JSON's signs.
function plainTexts(value) {
  if (typeof value === "string") return [value];
  if (isNumber(value)) return [numberText(value)];
  if (typeof value === "boolean") return [value ? "yes" : "no"];
  if (Array.isArray(value)) return value.flatMap(plainTexts);
  return isObject(value) ? Object.values(value).flatMap(plainTexts) : [];
}
