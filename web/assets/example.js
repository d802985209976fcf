// Values to begin with, made up from schemas.
import { SERVERS_OWN } from "./contract.js";
import { propertyNames } from "./model.js";
import { patternExample } from "./words.js";

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
const MAX_EXAMPLE_DEPTH = 5;

/** A body for an operation: where what is left out stays as it is, one property will do. */
export function exampleBody({ schema, partial }) {
  const example = exampleOf(schema);
  return partial ? Object.fromEntries(Object.entries(example).slice(0, 1)) : example;
}

/** A value that a schema allows, as far as it is plain what it allows. */
export function exampleOf(schema, depth = 0) {
  for (const keyword of ["default", "example", "const"]) {
    if (Object.hasOwn(schema, keyword)) return schema[keyword];
  }
  if (schema.enum) return schema.enum[0];
  const alternative = schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (alternative) return exampleOf({ ...schema, oneOf: undefined, anyOf: undefined, ...alternative }, depth);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "boolean") return false;
  if (type === "null") return null;
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "array") return depth < MAX_EXAMPLE_DEPTH ? [exampleOf(schema.items ?? {}, depth + 1)] : [];
  if (type === "object" || schema.properties) return exampleObject(schema, depth);
  const example = schema.pattern && patternExample(schema);
  if (example) return example;
  return Object.hasOwn(FORMAT_EXAMPLES, schema.format ?? "") ? FORMAT_EXAMPLES[schema.format] : "text".padEnd(schema.minLength ?? 0, " text");
}

function exampleObject(schema, depth) {
  if (depth >= MAX_EXAMPLE_DEPTH) return {};
  const isWritten = (name) => !schema.properties[name].readOnly && !(depth === 0 && SERVERS_OWN.includes(name));
  const names = propertyNames(schema).filter(isWritten);
  return Object.fromEntries(names.map((name) => [name, exampleOf(schema.properties[name], depth + 1)]));
}
