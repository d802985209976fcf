// Validates values by a JSON Schema as the API does (lambda_src/trestle/schema), and explains rules to people.
import { MAX_DEPTH } from "./contract.js";
import { compare, comparisonKey, decimal, isEqual, isInteger, isMultiple, isNumber, isObject, isStorable, numberText, own, parse, parseNumber, pointer, pointerNames, stringify } from "./json.js";
import { countText, truncate } from "./text.js";

export class InvalidInput {
  constructor(text, detail) {
    this.text = text;
    this.detail = detail;
  }

  // Never part of a body.
  toJSON() {
    return undefined;
  }
}

export function validate(schema, value) {
  const faults = [];
  validateStorable(value, "", 1, faults);
  validateValue(value, schema, "", faults);
  return faults;
}

// What the API rejects before it looks at the schema.
function validateStorable(value, where, level, faults) {
  if (value instanceof InvalidInput) faults.push({ pointer: where, detail: value.detail });
  else if (Array.isArray(value) || isObject(value)) {
    if (level > MAX_DEPTH) faults.push({ pointer: where, detail: `Objects and arrays may be nested ${MAX_DEPTH} deep` });
    else for (const [name, member] of Object.entries(value)) validateStorable(member, pointer(where, name), level + 1, faults);
  } else if (isNumber(value) && !isStorable(value)) {
    faults.push({ pointer: where, detail: "Numbers may have 38 significant digits and magnitudes from 1e-130 to 9.99e125" });
  }
}

function typeOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isNumber(value)) return isInteger(value) ? "integer" : "number";
  return typeof value;
}

function validateValue(value, schema, where, faults) {
  if (value instanceof InvalidInput || (isNumber(value) && !isStorable(value))) return;
  const fault = (detail) => faults.push({ pointer: where, detail });
  const kind = typeOf(value);
  if (schema.type !== undefined) {
    const allowed = [schema.type].flat();
    if (!allowed.includes(kind) && !(kind === "integer" && allowed.includes("number"))) {
      if (value !== null || !schema.nullable) {
        fault(`Must be ${allowed.map((each) => ARTICLES[each]).join(" or ")}, not ${ARTICLES[kind]}`);
      }
      return;
    }
  }
  if (schema.enum && !schema.enum.some((element) => isEqual(value, element))) {
    fault(`Must be one of ${schema.enum.map((element) => stringify(element)).join(", ")}`);
  }
  CHECKS[kind]?.(value, schema, where, faults, fault);
  validateCombinators(value, schema, where, faults, fault);
}

function validateNumber(value, schema, where, faults, fault) {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const text = (bound) => stringify(bound);
  if (minimum !== undefined) {
    if (exclusiveMinimum && compare(value, minimum) <= 0) fault(`Must be more than ${text(minimum)}`);
    if (!exclusiveMinimum && compare(value, minimum) < 0) fault(`Must be at least ${text(minimum)}`);
  }
  if (maximum !== undefined) {
    if (exclusiveMaximum && compare(value, maximum) >= 0) fault(`Must be less than ${text(maximum)}`);
    if (!exclusiveMaximum && compare(value, maximum) > 0) fault(`Must be at most ${text(maximum)}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) fault(`Must be a multiple of ${text(multipleOf)}`);
}

function validateString(value, schema, where, faults, fault) {
  const { minLength = 0, maxLength = Infinity, pattern, format } = schema;
  const length = lengthOf(value);
  if (length < minLength) fault(`Must have at least ${countWord(minLength, "character")}`);
  if (length > maxLength) fault(`Must have at most ${countWord(maxLength, "character")}`);
  else if (pattern !== undefined && !new RegExp(pattern, "u").test(value)) fault(`Must match the pattern ${pattern}`);
  if (Object.hasOwn(FORMATS, format ?? "") && !FORMATS[format](value)) fault(`Must be of the format ${format}`);
}

// In code points.
function lengthOf(text) {
  let length = text.length;
  for (let index = 1; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800) length--;
  }
  return length;
}

function validateArray(value, schema, where, faults, fault) {
  const { minItems = 0, maxItems = Infinity, uniqueItems, items } = schema;
  if (value.length < minItems) fault(`Must have at least ${countWord(minItems, "element")}`);
  if (value.length > maxItems) fault(`Must have at most ${countWord(maxItems, "element")}`);
  if (uniqueItems && new Set(value.map(comparisonKey)).size < value.length) fault("Must not repeat an element");
  if (items) value.forEach((element, index) => validateValue(element, items, pointer(where, index), faults));
}

function validateObject(value, schema, where, faults, fault) {
  const { required = [], minProperties = 0, maxProperties = Infinity, properties = {}, additionalProperties = true } = schema;
  const isReadOnly = (name) => own(properties, name)?.readOnly;
  for (const name of required) {
    if (!Object.hasOwn(value, name) && !isReadOnly(name)) faults.push({ pointer: pointer(where, name), detail: "Is required" });
  }
  const size = Object.keys(value).length;
  if (size < minProperties) fault(`Must have at least ${countWord(minProperties, "property")}`);
  if (size > maxProperties) fault(`Must have at most ${countWord(maxProperties, "property")}`);
  for (const [name, member] of Object.entries(value)) {
    if (isReadOnly(name)) continue;
    const rule = own(properties, name) ?? additionalProperties;
    if (rule === false) faults.push({ pointer: pointer(where, name), detail: "Is not a known property" });
    else if (rule !== true) validateValue(member, rule, pointer(where, name), faults);
  }
}

function validateCombinators(value, schema, where, faults, fault) {
  const meets = (part) => {
    const found = [];
    validateValue(value, part, where, found);
    return !found.length;
  };
  (schema.allOf ?? []).forEach((part) => validateValue(value, part, where, faults));
  if (schema.anyOf && !schema.anyOf.some(meets)) fault("Must meet at least one of the schema's alternatives (anyOf)");
  if (schema.oneOf && schema.oneOf.filter(meets).length !== 1) {
    fault("Must meet exactly one of the schema's alternatives (oneOf)");
  }
  if (schema.not && meets(schema.not)) fault("Must not meet the schema's exclusion (not)");
}

function countWord(number, noun) {
  if (Number(number) === 1) return `1 ${noun}`;
  return noun.endsWith("y") ? `${number} ${noun.slice(0, -1)}ies` : `${number} ${noun}s`;
}

const ARTICLES = {
  array: "an array",
  boolean: "a boolean",
  integer: "an integer",
  null: "null",
  number: "a number",
  object: "an object",
  string: "a string",
};

const CHECKS = {
  integer: validateNumber,
  number: validateNumber,
  string: validateString,
  array: validateArray,
  object: validateObject,
};

const DATE = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const MAILBOX = new RegExp(`^(?=[^@]{1,64}@)${ATOM}(?:\\.${ATOM})*@${LABEL}(?:\\.${LABEL})+$`);
const HOSTNAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;

// RFC 3986, appendix A.
const COMMON = "-A-Za-z0-9._~!$&'()*+,;=";
const PERCENT = "%[0-9A-Fa-f]{2}";
const IN_PATH = `(?:[${COMMON}:@/]|${PERCENT})`;
const HOST = `(?:\\[(?:[Vv][0-9A-Fa-f]+\\.[${COMMON}:]+|([0-9A-Fa-f:.]+))\\]|(?:[${COMMON}]|${PERCENT})*)`;
const AUTHORITY = `//(?:(?:[${COMMON}:]|${PERCENT})*@)?${HOST}(?::[0-9]*)?`;
const REST = `(?:\\?(?:${IN_PATH}|\\?)*)?(?:#(?:${IN_PATH}|\\?)*)?$`;
const URI = new RegExp(`^[A-Za-z][A-Za-z0-9+.-]*:(?:${AUTHORITY}(?=[/?#]|$)|(?!//))${IN_PATH}*${REST}`);
const RELATIVE = new RegExp(`^(?:${AUTHORITY}(?=[/?#]|$)|(?!//)(?![^/?#]*:))${IN_PATH}*${REST}`);

export const FORMATS = {
  date: isDate,
  "date-time": (text) => isDate(text.slice(0, 10)) && /^[Tt]/.test(text.slice(10)) && isTime(text.slice(11)),
  email: (text) => text.length <= 254 && MAILBOX.test(text),
  hostname: (text) => text.length <= 253 && HOSTNAME.test(text),
  ipv4: (text) => IPV4.test(text),
  ipv6: isIpv6,
  time: isTime,
  uri: (text) => isUri(text, URI),
  "uri-reference": (text) => isUri(text, URI) || isUri(text, RELATIVE),
  uuid: (text) => UUID.test(text),
};

function isDate(text) {
  const match = DATE.exec(text);
  if (!match) return false;
  const [year, month, date] = match.slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return date <= [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
}

// Leap seconds are at 23:59:60 UTC.
function isTime(text) {
  const match = TIME.exec(text);
  if (!match) return false;
  const [hour, minute, second, , hours, minutes] = match.slice(1).map(Number);
  const ahead = ((hours || 0) * 60 + (minutes || 0)) * (match[4] === "-" ? -1 : 1);
  return second !== 60 || (hour * 60 + minute - ahead + 2880) % 1440 === 1439;
}

function isUri(text, pattern) {
  const match = pattern.exec(text);
  return match !== null && (match[1] === undefined || isIpv6(match[1]));
}

function isIpv6(text) {
  const end = text.slice(text.lastIndexOf(":") + 1);
  const octal = end.includes(".") && /(^|\.)0\d/.test(end); // only URLs allow it
  return /^[0-9A-Fa-f:.]+$/.test(text) && !octal && URL.canParse(`http://[${text}]`);
}

// --- messages for people, and numbers in their locale ---

const NUMBERS = new Intl.NumberFormat();
const partOf = (type) => NUMBERS.formatToParts(1234567.5).find((part) => part.type === type)?.value;
const DECIMAL = partOf("decimal") ?? ".";
const GROUP = partOf("group") ?? ",";
const DIGITS = new Map([...NUMBERS.format(9876543210n)].filter((each) => /\p{Nd}/u.test(each)).map((digit, index) => [digit, String(9 - index)]));
const EXAMPLE_LENGTH = 40;
const CANDIDATES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz1234567890-_.:/+#@!$%&()*,;=?' ";

export function localNumber(value) {
  return numberText(value).replace(".", DECIMAL);
}

/** "1.234,5" is 1234.5 in German. */
export function readNumber(text) {
  if (!text.trim()) return undefined;
  const typed = [...text.replace(/[\u200e\u200f\u061c]/g, "").trim()].map((each) => DIGITS.get(each) ?? each).join("").replace("\u2212", "-");
  const plain = plainNumber(typed, DECIMAL, GROUP) ?? plainNumber(typed, ".", " ");
  return (plain && parseNumber(plain)) ?? new InvalidInput(text, `Enter a number, such as ${NUMBERS.format(1234.5)}`);
}

// Groups have three digits, or two in India.
function plainNumber(text, mark, group) {
  const quote = (each) => each.replace(/[\\\].^-]/g, "\\$&");
  const between = `[\\s'’${quote(group)}]`;
  const pattern = `^([-+]?)(\\d{1,3}(?:${between}\\d{2,3})*${between}\\d{3}|\\d*)(?:[${quote(mark)}](\\d*))?(e[-+]?\\d+)?$`;
  const [, sign, grouped, fraction = "", power = ""] = new RegExp(pattern, "i").exec(text) ?? [];
  const whole = grouped?.replace(/\D/g, "");
  if (whole === undefined || !(whole + fraction)) return undefined;
  return `${sign === "-" ? "-" : ""}${whole.replace(/^0+(?=\d)/, "") || "0"}${fraction && `.${fraction}`}${power}`;
}

export function ruleAt(schema, where) {
  return pointerNames(where).reduce((rule, name) => [own(rule.properties ?? {}, name), rule.items, rule.additionalProperties].find(isObject) ?? {}, schema);
}

const KINDS = {
  date: "a date",
  "date-time": "a date and a time",
  email: "an email address",
  hostname: "a host name",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  time: "a time with its offset",
  uri: "a URL",
  "uri-reference": "a URL or a path",
  uuid: "a UUID",
  array: "a list",
  boolean: "true or false",
  integer: "a whole number",
  number: "a number",
  object: "an object",
  string: "text",
};

const SENTENCES = [
  [/^Is required$/, (_, rule) => (rule.enum || rule.type === "boolean" ? "Choose a value" : "Fill this in")],
  [/^Must be of the format (.+)$/, ([, format]) => `Enter ${own(KINDS, format) ?? format}, such as ${own(FORMAT_EXAMPLES, format)}`],
  [/^Must match the pattern /, (_, rule) => {
    const example = patternExample(rule);
    if (example) return `Enter a value such as ${example}`;
    return `This does not have the required format${rule.description ? `: ${rule.description}` : ""}`;
  }],
  [/^Must be one of /, (_, { enum: values = [] }) => `Choose one of ${values.slice(0, 12).map(valueText).join(", ")}${values.length > 12 ? " …" : ""}`],
  [/^Must be .*, not /, (_, { type }) => type && `Enter ${[type].flat().map((each) => own(KINDS, each) ?? each).join(" or ")}`],
  [/^Must have at (least|most) (.+)$/, ([, bound, count]) => `${bound === "most" ? "Keep" : count.includes("character") ? "Enter" : "Add"} at ${bound} ${count.replace("elements", "entries").replace("element", "entry")}`],
  [/^(Must be (?:at|more|less) \w+) (.+)$/, ([, start, number]) => `${start} ${localNumber(parse(number))}`],
  [/^Must be a multiple of (.+)$/, ([, unit]) => `Enter ${stepText(parse(unit))}`],
  [/^Must not repeat an element$/, () => "Remove the duplicates"],
  [/^Is not a known property$/, () => "Remove this: there is no such property"],
  [/\((anyOf|oneOf|not)\)$/, ([, keyword]) => (keyword === "not" ? "This value is not allowed" : "This value is not allowed")],
];

export function faultText(detail, rule) {
  for (const [pattern, sentence] of SENTENCES) {
    const match = pattern.exec(detail);
    if (match) return sentence(match, rule) || detail;
  }
  return detail;
}

export const inWords = (schema) => (fault) => ({ ...fault, detail: faultText(fault.detail, ruleAt(schema, fault.pointer)) });

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

export function patternExample(rule) {
  try {
    const text = exampleText(rule.pattern);
    return text.length <= EXAMPLE_LENGTH && text.trim() && !validate(rule, text).length ? text : null;
  } catch {
    return null; // an unsupported pattern
  }
}

// The first alternative, and the first, second … character of each set: AB-1234.
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

export const FORMAT_EXAMPLES = {
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  email: "ada@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  time: "12:00:00Z",
  uri: "https://example.com/",
  "uri-reference": "/there",
  uuid: "123e4567-e89b-42d3-a456-426614174000",
};
