// The API as its OpenAPI document describes it.
import { SERVERS_OWN } from "./contract.js";
import { isNumber, numberText, own, pointerNames, without } from "./json.js";
import { labelOf, shortId } from "./text.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const MERGE_PATCH = "application/merge-patch+json";
const ORDER = "x-property-order";
const NO_TITLES = ["date", "date-time", "time", "uuid"]; // formats

/** Entities have only what the caller may read and write. */
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

export function usesScheme(model, kind) {
  return model.operations.some((operation) => operation.security.some((scheme) => Object.hasOwn(scheme, kind)));
}

/** A web page cannot make AWS signatures. */
export function isSigned(operation) {
  return operation.security.some((scheme) => Object.hasOwn(scheme, "iam"));
}

/** Other texts would lead to other paths. */
export function isId({ idRule }, text) {
  return text.length <= idRule.maxLength && new RegExp(idRule.pattern, "u").test(text);
}

export function propertyNames({ properties = {}, [ORDER]: order = [] }) {
  return [...new Set([...order.filter((name) => Object.hasOwn(properties, name)), ...Object.keys(properties)])];
}

export function titleOf({ titles }, item) {
  const wordOf = (value) => (isNumber(value) ? numberText(value) : typeof value === "string" ? value.trim() : "");
  const found = titles.map((names) => names.map((name) => wordOf(own(item, name))).filter(Boolean).join(" "));
  return found.find(Boolean) ?? shortId(item.id);
}

function readOperation(document, path, item, method) {
  const operation = item[method];
  return {
    id: operation.operationId,
    // An operationId is a kind and an entity: listTodos.
    kind: operation.operationId.match(/^[a-z]*/)[0],
    entity: operation.tags[0],
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

// partial: omitted properties keep their value.
function readBody(document, { content, required = true }) {
  const type = Object.hasOwn(content, MERGE_PATCH) ? MERGE_PATCH : Object.keys(content)[0];
  const { schema } = content[type];
  const partial = typeof own(schema, "$ref") === "string" && schema.$ref.endsWith("Patch");
  return { type, schema: writableSchema(resolveSchema(document, schema)), partial, optional: !required };
}

// Without the id, which the path has.
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

// Only where references can be: a property may be called $ref too.
function resolve(document, node) {
  if (typeof own(node, "$ref") !== "string") return node;
  return pointerNames(node.$ref.slice(1)).reduce(own, document);
}

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
    // Defaults fill in a new item, not a stored one.
    schema,
    storedSchema: required.length ? { ...schema, required } : schema,
    acceptsId: idSchema?.type === "string",
    idRule: all.flatMap((operation) => operation.parameters).find((parameter) => parameter.in === "path")?.schema ?? idSchema,
    properties: propertyNames(schema).map((property) => ({ name: property, schema: schema.properties[property], required: required.includes(property) })),
    titles: titlesOf(schema, required, item),
    filters: filters.map((parameter) => ({
      name: parameter.name,
      schema: { ...parameter.schema, ...formatOf(own(schema.properties, parameter.name)) },
      sort: parameter["x-sorted-by"],
      bounds: boundsOf(bounds, parameter["x-sorted-by"]),
    })),
    reachesOwners: parameters.some((parameter) => parameter.name === "owner" && !Object.hasOwn(parameter, "x-sorted-by")),
    isOrdered: parameters.some((parameter) => parameter.name === "order"),
    limit: parameters.find((parameter) => parameter.name === "limit")?.schema,
  };
}

// A faulty document may have null for a schema; the rest of the page still works.
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

// Only reads may need a signature: their views explain it.
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

export function isTodo(entity) {
  return Boolean(entity.operations.list) && typeOf(entity, "title") === "string" && Boolean(doneProperty(entity));
}

function typeOf(entity, property) {
  const rule = own(entity.schema.properties, property);
  return rule?.readOnly ? undefined : rule?.type;
}

export function doneProperty(entity) {
  return ["completed", "done"].find((property) => typeOf(entity, property) === "boolean");
}

// --- access to single properties ---

const READ = "x-readable-by";
const WRITE = "x-writable-by";

export const HIDDEN = "x-hidden";

function documentFor(document, claims) {
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

// For display only: the API decides for itself.
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
