// Values as text. Items are untrusted: texts are cut, and invisible characters shown.

const DATE_TIME = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
const TIME = new Intl.DateTimeFormat([], { timeStyle: "medium" });
const DATE = new Intl.DateTimeFormat([], { dateStyle: "medium", timeZone: "UTC" });

// Emoji sequences; or, as a group, characters that change the text direction or are invisible,
// except tab and line breaks.
const HIDDEN =
  /\p{ExtPict}[\p{EMod}\ufe0f]?(?:\u200d\p{ExtPict}[\p{EMod}\ufe0f]?)*|[#*\d]\ufe0f\u20e3|([\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u2800\ufff9-\ufffb]|\p{DI})/gu;

/** A name as a label: "dueDate" becomes "Due date". */
export function labelOf(name) {
  if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) return visibleText(name);
  const words = name.replace(/[_-]+/g, " ").replace(/([a-z0-9])([A-Z])/g, "$1 $2").trim();
  const text = words.replace(/\b[A-Z][a-z]/g, (start) => start.toLowerCase()).replace(/\b(id|uri|url)\b/gi, (word) => word.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Strings, and {mark} for each invisible character. */
export function visiblePieces(text) {
  const found = [];
  let from = 0;
  for (const { 1: character, index } of text.matchAll(HIDDEN)) {
    if (!character) continue;
    if (index > from) found.push(text.slice(from, index));
    found.push({ mark: codePointName(character) });
    from = index + character.length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

export function visibleText(text) {
  return replaceHidden(text, codePointName);
}

function replaceHidden(text, replacement) {
  return text.replace(HIDDEN, (whole, character) => (character ? replacement(character) : whole));
}

export function escapeHidden(text) {
  const escape = (character) => character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return replaceHidden(text, escape);
}

function codePointName(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Never half a character. */
export function truncate(text, limit) {
  if (text.length <= limit) return text;
  const half = /[\ud800-\udbff]$/.test(text.slice(0, limit));
  return text.slice(0, half ? limit - 1 : limit);
}

export function dateTimeText(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? text : DATE_TIME.format(time);
}

export function dateText(text) {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(NaN);
  return Number.isNaN(time.getTime()) ? text : DATE.format(time);
}

export function shortId(id) {
  const [most, kept] = /^[0-9a-f-]+$/i.test(id) ? [13, 8] : [16, 14];
  return id.length > most ? `${truncate(id, kept)}…` : id;
}

export const timeText = (moment) => TIME.format(moment);

/** "1 item", "2,000 items". */
export function countText(number, noun) {
  const plural = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}${noun.endsWith("ch") ? "es" : "s"}`;
  return `${number.toLocaleString()} ${number === 1 ? noun : plural}`;
}
