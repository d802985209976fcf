// Rules and faults in words for people, and numbers in the reader's locale.
import { FORMAT_EXAMPLES } from "./example.js";
import { decimal, isNumber, isObject, numberText, own, parse, parseNumber, stringify } from "./json.js";
import { countText, truncate } from "./text.js";
import { InvalidInput, validate } from "./validate.js";

const NUMBERS = numberFormat();
const partOf = (type) => NUMBERS.formatToParts(1234567.5).find((part) => part.type === type)?.value;
const DECIMAL = partOf("decimal") ?? ".";
const GROUP = partOf("group") ?? ",";
const DIGITS = new Map([...NUMBERS.format(9876543210n)].filter((each) => /\p{Nd}/u.test(each)).map((digit, index) => [digit, String(9 - index)]));
const EXAMPLE_LENGTH = 40; // characters
const CANDIDATES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz1234567890-_.:/+#@!$%&()*,;=?' ";

function numberFormat() {
  try {
    return new Intl.NumberFormat(navigator.languages);
  } catch {
    return new Intl.NumberFormat("en"); // an unknown language
  }
}

/** A number with the decimal mark of its reader, and all of its digits. */
export function localNumber(value) {
  return numberText(value).replace(".", DECIMAL);
}

/** The number in a typed text: "1.234,5" is 1234.5 in German. undefined for an empty text, else InvalidInput. */
export function readNumber(text) {
  if (!text.trim()) return undefined;
  const typed = [...text.replace(/[\u200e\u200f\u061c]/g, "").trim()].map((each) => DIGITS.get(each) ?? each).join("").replace("\u2212", "-");
  const plain = plainNumber(typed, DECIMAL, GROUP) ?? plainNumber(typed, ".", " ");
  return (plain && parseNumber(plain)) ?? new InvalidInput(text, `Enter a number, such as ${NUMBERS.format(1234.5)}`);
}

// The JSON of a number, or undefined. Groups have three digits, or two in India.
function plainNumber(text, mark, group) {
  const quote = (each) => each.replace(/[\\\].^-]/g, "\\$&");
  const between = `[\\s'’${quote(group)}]`;
  const pattern = `^([-+]?)(\\d{1,3}(?:${between}\\d{2,3})*${between}\\d{3}|\\d*)(?:[${quote(mark)}](\\d*))?(e[-+]?\\d+)?$`;
  const [, sign, grouped, fraction = "", power = ""] = new RegExp(pattern, "i").exec(text) ?? [];
  const whole = grouped?.replace(/\D/g, "");
  if (whole === undefined || !(whole + fraction)) return undefined;
  return `${sign === "-" ? "-" : ""}${whole.replace(/^0+(?=\d)/, "") || "0"}${fraction && `.${fraction}`}${power}`;
}

/** The schema of the value at a pointer, {} if there is none. */
export function ruleAt(schema, where) {
  const names = where.split("/").slice(1).map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.reduce((rule, name) => [own(rule.properties ?? {}, name), rule.items, rule.additionalProperties].find(isObject) ?? {}, schema);
}

const KINDS = {
  date: "a date",
  "date-time": "a date and a time",
  email: "an email address",
  hostname: "a host name",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  time: "a time with its offset",
  uri: "a full address",
  "uri-reference": "an address or a path",
  uuid: "a UUID",
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  object: "an object",
  string: "text",
};

// The API's sentences, and those for people.
const SENTENCES = [
  [/^Is required$/, (_, rule) => (rule.enum || rule.type === "boolean" ? "Choose a value" : "Fill this in")],
  [/^Must be of the format (.+)$/, ([, format]) => `Enter ${own(KINDS, format) ?? format}, such as ${own(FORMAT_EXAMPLES, format)}`],
  [/^Must match the pattern /, (_, rule) => {
    const example = patternExample(rule);
    if (example) return `Enter a value such as ${example}`;
    return `This does not have the required form${rule.description ? `: ${rule.description}` : ""}`;
  }],
  [/^Must be one of /, (_, { enum: values = [] }) => `Choose one of ${values.slice(0, 12).map(valueText).join(", ")}${values.length > 12 ? " …" : ""}`],
  [/^Must be .*, not /, (_, { type }) => type && `Enter ${[type].flat().map((each) => own(KINDS, each) ?? each).join(" or ")}`],
  [/^Must have at (least|most) (.+)$/, ([, bound, count]) => `${bound === "most" ? "Keep" : count.includes("character") ? "Enter" : "Add"} at ${bound} ${count.replace("elements", "entries").replace("element", "entry")}`],
  [/^(Must be (?:at|more|less) \w+) (.+)$/, ([, start, number]) => `${start} ${localNumber(parse(number))}`],
  [/^Must be a multiple of (.+)$/, ([, unit]) => `Enter ${stepText(parse(unit))}`],
  [/^Must not repeat an element$/, () => "Remove the duplicates"],
  [/^Is not a known property$/, () => "Remove this: there is no such property"],
  [/\((anyOf|oneOf|not)\)$/, ([, keyword]) => (keyword === "not" ? "This value is not allowed" : "This is none of the values that are allowed")],
];

/** A fault of the API's or of validate.js in words for people. rule: the value's schema. */
export function faultText(detail, rule) {
  for (const [pattern, sentence] of SENTENCES) {
    const match = pattern.exec(detail);
    if (match) return sentence(match, rule) || detail;
  }
  return detail;
}

/** A schema's rules in sentences, or "". */
export function ruleHint(rule) {
  if (!isObject(rule) || rule.enum || rule.readOnly) return "";
  const { type, format, multipleOf } = rule;
  const sentences = [];
  if (type === "integer" || type === "number") {
    const bounds = [boundText(rule, "minimum", "at least", "more than"), boundText(rule, "maximum", "at most", "less than")].filter(Boolean);
    sentences.push([type === "integer" && "a whole number", bounds.join(" and ")].filter(Boolean).join(", "));
    if (multipleOf !== undefined) sentences.push(stepText(multipleOf));
  }
  if (type === "string") {
    const example = own(FORMAT_EXAMPLES, format) ?? (rule.pattern && patternExample(rule));
    if (example && !["date", "date-time"].includes(format)) sentences.push(`For example ${example}`);
    sentences.push(countRange(rule.minLength > 1 ? rule.minLength : 0, rule.maxLength, "character"));
  }
  if (type === "array") {
    sentences.push(countRange(rule.minItems, rule.maxItems, "entry"));
    if (rule.uniqueItems) sentences.push("no duplicates");
  }
  return sentences.filter(Boolean).map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1)}.`).join(" ");
}

function boundText(rule, keyword, closed, open) {
  const isOpen = rule[`exclusive${keyword === "minimum" ? "Minimum" : "Maximum"}`];
  return isNumber(rule[keyword]) && `${isOpen ? open : closed} ${localNumber(rule[keyword])}`;
}

function countRange(least = 0, most = Infinity, noun) {
  const text = (number) => NUMBERS.format(number);
  if (most === Infinity) return least ? `at least ${text(least)} ${countText(least, noun).split(" ")[1]}` : "";
  const range = least === most ? text(most) : least ? `${text(least)} to ${text(most)}` : `at most ${text(most)}`;
  return `${range} ${countText(most, noun).split(" ")[1]}`;
}

function stepText(unit) {
  const { digits, exponent } = decimal(unit);
  if (digits !== 1n || exponent > 0) return `a multiple of ${localNumber(unit)}`;
  return exponent === 0 ? KINDS.integer : `at most ${countText(-exponent, "decimal place")}`;
}

const valueText = (value) => truncate(typeof value === "string" ? value : stringify(value), EXAMPLE_LENGTH);

/** A text that matches a schema's pattern, or null. */
export function patternExample(rule) {
  try {
    const text = exampleText(rule.pattern);
    return text.length <= EXAMPLE_LENGTH && text.trim() && !validate(rule, text).length ? text : null;
  } catch {
    return null; // more than is understood here
  }
}

// The first alternative, and for each set its first, second … character: AB-1234. The caller validates it.
function exampleText(pattern) {
  const used = {};
  let at = 0;
  const take = (part) => {
    const match = part.exec(pattern.slice(at));
    at += match[0].length;
    return match;
  };
  const readAtom = () => {
    const [group, kind] = take(/^(?:\((\?[:=!])?)?/);
    if (group) {
      const inner = readChoice();
      at += 1;
      return () => (kind && kind !== "?:" ? "" : inner());
    }
    const [token] = take(/^(?:\[(?:\\.|[^\]])+\]|\\.|.)/su);
    const fitting = "^$".includes(token) ? [] : [...CANDIDATES].filter((each) => new RegExp(`^${token}$`, "u").test(each));
    return () => fitting[(used[token] = (used[token] ?? -1) + 1) % fitting.length] ?? "";
  };
  function readChoice() {
    const parts = [];
    while (at < pattern.length && !/^[|)]/.test(pattern.slice(at))) {
      const atom = readAtom();
      const [, sign, least, comma, most] = take(/^(?:([*+?])|\{(\d+)(,?)(\d*)\})?\??/);
      const times = sign ? (sign === "?" ? 1 : 3) : comma ? Math.max(least, Math.min(3, most || 3)) : (least ?? 1);
      for (let index = 0; index < Math.min(times, EXAMPLE_LENGTH); index++) parts.push(atom);
    }
    if (pattern[at] === "|") {
      at += 1;
      readChoice();
    }
    return () => parts.map((part) => part()).join("");
  }
  return readChoice()();
}
