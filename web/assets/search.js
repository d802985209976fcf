// Search: which of the items that were read hold the words that the user typed. The API searches no texts, so the page reads on.
import { isNumber, isObject, numberText, own } from "./json.js";
import { labelOf, truncate } from "./text.js";

const EXCERPT_LENGTH = 80; // characters of a value around what was found
const foldedTexts = new WeakMap();

/** Lower case without accents, so that "zoe" finds "Zoë". */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/**
 * The conditions of a search text, all of which an item has to meet: [{text, property, whole}]. Words are apart by spaces, "several words" are
 * one condition, and property:word looks in that property alone, or for the text as it stands, such as 12:30.
 */
export function readSearch(text) {
  const conditions = [];
  for (const [whole, prefix, quoted, word] of text.matchAll(/(?:([^\s":]+):)?(?:"([^"]*)"?|([^\s"]+))/g)) {
    conditions.push({ text: fold(quoted ?? word), property: prefix && fold(prefix), whole: fold(whole) });
  }
  return conditions.filter((condition) => condition.text);
}

/** Whether an item meets all conditions. owner: whose it is, where that is known. */
export function isMatch(item, conditions, owner) {
  return conditions.every((condition) => isOwner(condition, owner) || namesOf(item, condition).length > 0);
}

/** Where an item meets a condition outside of the shown properties: {label, text}; null where all that was found is in view. */
export function foundElsewhere(item, conditions, shown, owner) {
  for (const condition of conditions) {
    const names = namesOf(item, condition);
    if (names.length === 0 || isOwner(condition, owner) || names.some((each) => shown.includes(each))) continue;
    return { label: labelOf(names[0]), text: excerpt(plainTexts(own(item, names[0])).join(" · "), condition.text) };
  }
  return null;
}

// The names of the properties in which an item meets a condition.
function namesOf(item, { text, property, whole }) {
  const texts = textsOf(item);
  const named = texts.filter(([name, folded]) => (property === undefined || fold(name) === property) && folded.includes(text));
  return (named.length || property === undefined ? named : texts.filter(([, folded]) => folded.includes(whole))).map(([name]) => name);
}

const isOwner = ({ text, property = "owner" }, owner) => owner !== undefined && property === "owner" && fold(owner).includes(text);

function excerpt(whole, found) {
  const place = Math.max(0, fold(whole).indexOf(found));
  const start = place + found.length <= EXCERPT_LENGTH ? 0 : Math.max(0, place - EXCERPT_LENGTH / 3);
  return `${start > 0 ? "…" : ""}${truncate(whole.slice(start), EXCERPT_LENGTH)}${whole.length > start + EXCERPT_LENGTH ? "…" : ""}`;
}

// The folded texts of an item's properties: [[name, text]]; they stay as long as the item does.
function textsOf(item) {
  let found = foldedTexts.get(item);
  if (!found) {
    found = Object.entries(item).map(([name, value]) => [name, fold(plainTexts(value).join("\n"))]);
    foldedTexts.set(item, found);
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
