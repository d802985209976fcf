// What the page knows of the API, read from its OpenAPI document.
import { SERVERS_OWN } from "./contract.js";
import { isNumber, numberText, own, without } from "./json.js";
import { labelOf, shortId } from "./text.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const MERGE_PATCH = "application/merge-patch+json";
const ORDER = "x-property-order";
const NO_TITLES = ["date", "date-time", "time", "uuid"]; // formats

/**
 * {title, description, version, entities, operations}: all operations in the document's order, those of functions of one's own as well, and
 * entities', with what the caller may read and write. claims: of the caller's access token, null without one.
 */
export function readModel(document, claims = null) {
  const operations = inOrder(readOperations(document));
  const forCaller = inOrder(readOperations(documentFor(document, claims)));
  const names = [...new Set(operations.filter((operation) => !operation.function).map((operation) => operation.entity))];
  return {
    title: document.info.title,
    description: document.info.description ?? "",
    version: document.info.version,
    operations,
    entities: names.map((name) => readEntity(name, forCaller.filter((operation) => operation.entity === name && !operation.function))),
  };
}

function readOperations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => Object.hasOwn(item, method)).map((method) => readOperation(document, path, item, method)),
  );
}

/** Whether any operation can be called with a kind of access: "api_key", "cognito", "jwt" or "iam". */
export function usesScheme(model, kind) {
  return model.operations.some((operation) => operation.security.some((scheme) => Object.hasOwn(scheme, kind)));
}

/** Whether an operation asks for a signature of AWS, which a page can not make: it has no keys, and another address. */
export function isSigned(operation) {
  return operation.security.some((scheme) => Object.hasOwn(scheme, "iam"));
}

/** Whether a text can be the id of an entity's item: any other would make the URL one of something else. */
export function isId({ idRule }, text) {
  return text.length <= idRule.maxLength && new RegExp(idRule.pattern, "u").test(text);
}

/** The names of a schema's properties, in the file's order. */
export function propertyNames({ properties = {}, [ORDER]: order = [] }) {
  return [...new Set([...order.filter((name) => Object.hasOwn(properties, name)), ...Object.keys(properties)])];
}

/** What an item is called: by `x-title`, its first required text, or its short id. */
export function titleOf({ titles }, item) {
  const wordOf = (value) => (isNumber(value) ? numberText(value) : typeof value === "string" ? value.trim() : "");
  const found = titles.map((names) => names.map((name) => wordOf(own(item, name))).filter(Boolean).join(" "));
  return found.find(Boolean) ?? shortId(item.id);
}

function readOperation(document, path, item, method) {
  const operation = item[method];
  return {
    id: operation.operationId,
    // An id is the operation's name and the entity's: listTodos.
    kind: operation.operationId.match(/^[a-z]*/)[0],
    entity: operation.tags[0],
    // Of one's own, which answers this route.
    function: operation["x-function"],
    method: method.toUpperCase(),
    path,
    summary: operation.summary,
    description: operation.description ?? "",
    security: operation.security ?? [],
    parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((node) => readParameter(document, node)),
    body: operation.requestBody ? readBody(document, operation.requestBody) : null,
    responses: Object.entries(operation.responses).map(([status, node]) => readResponse(document, status, node)),
  };
}

function readParameter(document, node) {
  const parameter = resolve(document, node);
  return { ...parameter, schema: resolve(document, parameter.schema) };
}

// partial: whether what the body leaves out stays as it is. optional: whether a request needs no body.
function readBody(document, { content, required = true }) {
  const type = Object.hasOwn(content, MERGE_PATCH) ? MERGE_PATCH : Object.keys(content)[0];
  const { schema } = content[type];
  const partial = typeof own(schema, "$ref") === "string" && schema.$ref.endsWith("Patch");
  return { type, schema: writableSchema(resolveSchema(document, schema)), partial, optional: !required };
}

// Without what a body may repeat, but need not: the id of the item at the path.
function writableSchema(schema) {
  const properties = Object.entries(schema.properties ?? {}).filter(([, rule]) => !rule.readOnly);
  return { ...schema, properties: Object.fromEntries(properties) };
}

function readResponse(document, status, node) {
  const response = resolve(document, node);
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [null, {}];
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => ({ name, ...resolve(document, header) }));
  return {
    status,
    description: response.description,
    type,
    headers,
    schema: content.schema ? resolveSchema(document, content.schema) : null,
  };
}

// Only what stands where a reference may stand: a property of an item may be called $ref too.
function resolve(document, node) {
  if (typeof own(node, "$ref") !== "string") return node;
  const path = node.$ref.slice(2).split("/");
  return path.reduce((whole, name) => own(whole, name.replaceAll("~1", "/").replaceAll("~0", "~")), document);
}

// A schema, and its properties, as far as they refer to what several schemas share.
function resolveSchema(document, node) {
  const schema = resolve(document, node);
  if (!schema.properties) return schema;
  const resolveRule = (node) => {
    const rule = resolve(document, node);
    return rule.items ? { ...rule, items: resolve(document, rule.items) } : rule;
  };
  const properties = Object.entries(schema.properties).map(([name, rule]) => [name, resolveRule(rule)]);
  return { ...schema, properties: Object.fromEntries(properties) };
}

function readEntity(name, all) {
  const operations = byKind(all);
  const item = readItem(operations);
  const body = [operations.create, operations.replace].find((operation) => operation && !operation.body.partial)?.body.schema;
  const parameters = (operations.list?.parameters ?? []).filter((parameter) => parameter.in === "query");
  // Names may have dots of their own.
  const isHidden = (property) => own(item, HIDDEN)?.includes(property);
  const filters = parameters.filter((parameter) => Object.hasOwn(parameter, "x-sorted-by") && ![parameter.name, parameter["x-sorted-by"]].some(isHidden));
  const bounds = parameters.filter((parameter) => parameter.name.includes(".") && !Object.hasOwn(parameter, "x-sorted-by"));
  const schema = withReadOnly(clientSchema(body ?? item), item);
  const idSchema = own(operations.create?.body.schema.properties ?? {}, "id");
  const required = (item.required ?? []).filter((property) => !SERVERS_OWN.includes(property));
  return {
    name,
    label: labelOf(name),
    path: all[0].path.replace(/\/\{id\}$/, "") || "/",
    operations: offeredOperations(operations),
    item,
    // Of a new item: what has a default may be left out.
    schema,
    // Of an item that is there: nothing fills in a default any more.
    storedSchema: required.length ? { ...schema, required } : schema,
    // What the server sets itself may have any value in a body.
    acceptsId: idSchema?.type === "string",
    idRule: all.flatMap((operation) => operation.parameters).find((parameter) => parameter.in === "path")?.schema ?? idSchema,
    // In the file's order, without the server's own.
    properties: propertyNames(schema).map((property) => ({ name: property, schema: schema.properties[property], required: required.includes(property) })),
    titles: titlesOf(schema, required, item),
    filters: filters.map((parameter) => ({
      name: parameter.name,
      // Any text may be asked for, but who looks for a date is given one to choose.
      schema: { ...parameter.schema, ...formatOf(own(schema.properties, parameter.name)) },
      sort: parameter["x-sorted-by"],
      bounds: boundsOf(bounds, parameter["x-sorted-by"]),
    })),
    // Whether some callers reach the items of all owners, and name one in the parameter owner.
    reachesOwners: parameters.some((parameter) => parameter.name === "owner" && !Object.hasOwn(parameter, "x-sorted-by")),
    isOrdered: parameters.some((parameter) => parameter.name === "order"),
    limit: parameters.find((parameter) => parameter.name === "limit")?.schema,
  };
}

// A schema of bodies with what the item's schema has besides: properties that clients read and cannot write. A document may be wrong, and
// have null for a schema: a form of it fails, the rest of the page works.
function withReadOnly(schema, item) {
  if (!schema || !item) return schema;
  const rules = Object.entries(item.properties ?? {});
  const shared = rules.filter(([name, rule]) => !rule?.readOnly && Object.hasOwn(schema.properties ?? {}, name));
  const properties = Object.fromEntries([
    ...Object.entries(schema.properties ?? {}),
    ...shared.map(([name, rule]) => [name, withReadOnly(schema.properties[name], rule)]),
    ...rules.filter(([, rule]) => rule?.readOnly),
  ]);
  return {
    ...schema,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(schema.items && item.items && { items: withReadOnly(schema.items, item.items) }),
  };
}

// What the page offers: not to change anything by requests that have to be signed. Where it can not read, its views say so.
function offeredOperations(operations) {
  return Object.fromEntries(Object.entries(operations).filter(([, operation]) => operation.method === "GET" || !isSigned(operation)));
}

function readItem(operations) {
  const answer = (operation, status) => operation?.responses.find((response) => response.status === status)?.schema;
  return (
    answer(operations.get, "200") ??
    answer(operations.create, "201") ??
    answer(operations.replace ?? operations.merge, "200") ?? { type: "object" }
  );
}

// Candidates for an item's title: arrays of names, whose values are joined.
function titlesOf(schema, required, item) {
  const names = propertyNames(schema);
  const isText = (name) => own(schema.properties, name)?.type === "string";
  const isPlain = (name) => isText(name) && !schema.properties[name].enum && !NO_TITLES.includes(schema.properties[name].format);
  const texts = names.filter((name) => required.includes(name) && isText(name));
  const text = texts.find(isPlain) ?? texts[0];
  const usual = ["title", "name"].filter((name) => !names.includes(name) || isText(name));
  const title = own(item, "x-title");
  return [...(title ? [[title].flat()] : []), ...(text ? [text] : usual).map((name) => [name])];
}

// Operations whose bodies list properties in the item's order.
function inOrder(operations) {
  const items = new Map();
  for (const { entity } of operations) {
    if (!items.has(entity)) items.set(entity, readItem(byKind(operations.filter((operation) => operation.entity === entity && !operation.function))));
  }
  const withBody = ({ entity, body, function: isOwn }) => body && !isOwn ? { ...body, schema: withOrder(body.schema, items.get(entity)) } : body;
  return operations.map((operation) => ({ ...operation, body: withBody(operation) }));
}

function withOrder(schema, item) {
  if (!schema || !item) return schema;
  const rules = Object.entries(schema.properties ?? {}).map(([name, rule]) => [name, withOrder(rule, own(item.properties ?? {}, name))]);
  return {
    ...schema,
    ...(item[ORDER] && { [ORDER]: item[ORDER] }),
    ...(schema.properties && { properties: Object.fromEntries(rules) }),
    ...(schema.items && { items: withOrder(schema.items, item.items) }),
  };
}

const byKind = (operations) => Object.fromEntries(operations.map((operation) => [operation.kind, operation]));

const formatOf = (rule) => (rule?.format ? { format: rule.format } : {});

// The schema of the client's part of an item.
function clientSchema(schema) {
  const properties = SERVERS_OWN.reduce(without, schema.properties ?? {});
  const required = (schema.required ?? []).filter((property) => !SERVERS_OWN.includes(property));
  return { ...without(schema, "required"), properties, ...(required.length ? { required } : {}) };
}

function boundsOf(bounds, sort) {
  return bounds
    .filter(({ name }) => name.slice(0, name.lastIndexOf(".")) === sort)
    .map(({ name, schema }) => ({ name, operator: name.slice(name.lastIndexOf(".") + 1), schema }));
}

/** Whether an entity is a list of things to do: they have a title, and are done or not. */
export function isTodo(entity) {
  return Boolean(entity.operations.list) && typeOf(entity, "title") === "string" && Boolean(doneProperty(entity));
}

// Of what clients can write.
function typeOf(entity, property) {
  const rule = own(entity.schema.properties, property);
  return rule?.readOnly ? undefined : rule?.type;
}

/** The property that says whether a thing of such a list is done. */
export function doneProperty(entity) {
  return ["completed", "done"].find((property) => typeOf(entity, property) === "boolean");
}

// Who reads and who writes properties, by the rules in the API's document.

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
