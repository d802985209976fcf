// Who reads and who writes properties, by the rules in the API's document.
import { own, without } from "./json.js";

const READ = "x-readable-by";
const WRITE = "x-writable-by";

/** The keyword of an item's schema with the names of the properties that the caller cannot read. */
export const HIDDEN = "x-hidden";

/** The document without what a caller cannot read in answers or write in bodies. claims: the access token's, or null. */
export function documentFor(document, claims) {
  const schemas = Object.entries(document.components?.schemas ?? {});
  if (!schemas.some(([, schema]) => Object.values(schema?.properties ?? {}).some(hasRule))) return document;
  const caller = callerOf(document, claims);
  const forCaller = schemas.map(([name, schema]) => [name, schema?.properties ? schemaFor(schema, name.endsWith("Item"), caller) : schema]);
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(forCaller) } };
}

const hasRule = (rule) => [READ, WRITE].some((kind) => typeof own(rule ?? {}, kind) === "string");

function schemaFor(schema, isItem, caller) {
  const isClosed = (rule, kind) => typeof own(rule ?? {}, kind) === "string" && !isMet(rule[kind], caller);
  const all = Object.entries(schema.properties);
  const hidden = all.filter(([, rule]) => isClosed(rule, READ)).map(([name]) => name);
  const open = isItem
    ? all
        .filter(([name]) => !hidden.includes(name))
        .map(([name, rule]) => [name, isClosed(rule, WRITE) ? { ...rule, readOnly: true } : without(rule, "writeOnly")])
    : all.filter(([, rule]) => !isClosed(rule, WRITE));
  return { ...schema, properties: Object.fromEntries(open), ...(isItem && hidden.length > 0 && { [HIDDEN]: hidden }) };
}

// Not to be trusted: the API judges by itself.
function callerOf(document, claims) {
  const groupsClaim = document.components.securitySchemes?.jwt?.["x-groups-claim"] ?? "groups";
  const found = claims ?? {};
  return {
    isUser: Boolean(claims),
    groups: [own(found, "cognito:groups") ?? own(found, groupsClaim) ?? []].flat(),
    scopes: [own(found, "scope") ?? own(found, "scp") ?? []].flat().join(" ").split(" "),
  };
}

function isMet(rule, { isUser, groups, scopes }) {
  const name = rule.slice(rule.indexOf("=") + 1);
  if (rule.startsWith("group=")) return groups.includes(name);
  if (rule.startsWith("scope=")) return name.split(" ").some((scope) => scopes.includes(scope));
  return rule === "owner" && isUser;
}
