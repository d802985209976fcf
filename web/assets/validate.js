// Validate a value as the API does (lambda_src/trestle/schema), with its words.
import { MAX_DEPTH } from "./contract.js";
import { compare, comparisonKey, isEqual, isInteger, isMultiple, isNumber, isObject, isStorable, own, stringify } from "./json.js";

/** A typed text that is no value. */
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

/** The faults of a value, [{pointer (RFC 6901), detail}]; none when it is valid. */
export function validate(schema, value) {
  const faults = [];
  validateStorable(value, "", 1, faults);
  validateValue(value, schema, "", faults);
  return faults;
}

/** The pointer of a member or element of what `parent` points at. */
export function pointer(parent, name) {
  return `${parent}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

// What the API refuses before it looks at the schema.
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
  if (length < minLength) fault(`Must have at least ${countText(minLength, "character")}`);
  if (length > maxLength) fault(`Must have at most ${countText(maxLength, "character")}`);
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
  if (value.length < minItems) fault(`Must have at least ${countText(minItems, "element")}`);
  if (value.length > maxItems) fault(`Must have at most ${countText(maxItems, "element")}`);
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
  if (size < minProperties) fault(`Must have at least ${countText(minProperties, "property")}`);
  if (size > maxProperties) fault(`Must have at most ${countText(maxProperties, "property")}`);
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

function countText(number, noun) {
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

// RFC 3986, appendix A: unreserved, percent-encoded and sub-delims, and what else may stand in each part.
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

// 60 seconds only where UTC may have a leap second.
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
  const octal = end.includes(".") && /(^|\.)0\d/.test(end); // which an address in a URL may be
  return /^[0-9A-Fa-f:.]+$/.test(text) && !octal && URL.canParse(`http://[${text}]`);
}
