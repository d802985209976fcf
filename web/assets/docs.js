// The API's documentation, and a form for each operation that sends requests.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { LANGUAGES, sampleHint } from "./api.js";
import { SERVERS_OWN } from "./contract.js";
import { own, parseTyped, queryText, stringify, without } from "./json.js";
import { isSigned, propertyNames } from "./model.js";
import { FORMAT_EXAMPLES, patternExample } from "./rules.js";
import { accessLabel } from "./session.js";
import { countText, labelOf } from "./text.js";
import { Button, Choice, CopyButton, Field, LongText, Page, Problem, Select, Text, inputAttributes, useChanges } from "./ui.js";

const TYPE_NAMES = { array: "array", boolean: "true or false", integer: "whole number", null: "null", number: "number", object: "object", string: "text" };
const HEADER_VALUE = /^[\t -~]*$/;
const LONG_LENGTH = 20_000;

export function Docs({ model, api, session, route, go, notify }) {
  useChanges(session.onChange);
  const { baseUrl, documentUrl } = api;
  const operations = useRef(null);
  useEffect(() => operations.current.querySelector("details[open]")?.scrollIntoView(), []);
  return html`<${Page} title="API documentation">
    <div class="docs" ref=${operations}>
      <div class="docs-lead">
        <h2>${model.title}</h2>
        ${paragraphs(model.description).map((text) => html`<p><${Prose} text=${text} /></p>`)}
        <dl class="docs-facts">
          <dt>Address</dt><dd><code>${baseUrl}</code></dd>
          <dt>This document</dt><dd><code>${documentUrl}</code> (OpenAPI 3.0)</dd>
        </dl>
      </div>
      ${[...new Set(model.operations.map(({ entity }) => entity))].map((name) => html`<section key=${name}
        aria-labelledby=${`docs-${name}`}>
        <h2 id=${`docs-${name}`}>${labelOf(name)}</h2>
        ${model.operations.filter((operation) => operation.entity === name).map((operation) => html`<${Operation}
          key=${operation.id} operation=${operation} api=${api} session=${session} notify=${notify} isOpen=${route.id === operation.id}
          onToggle=${(isOpen) => go({ name: route.name, id: isOpen ? operation.id : "" }, { replace: true })} />`)}
      </section>`)}
    </div>
  <//>`;
}

function Operation({ operation, api, session, notify, isOpen, onToggle }) {
  const toggle = (event) => {
    event.preventDefault(); // the address opens it
    onToggle(!isOpen);
  };
  return html`<details class="operation" open=${isOpen}>
    <summary onClick=${toggle}>
      <span class=${`method ${operation.method.toLowerCase()}`}>${operation.method}</span>${" "}
      <code class="docs-path">${operation.path}</code>${" "}
      <span class="docs-summary">${operation.summary}</span>
    </summary>
    ${isOpen && html`<div class="operation-body">
      <${Reference} operation=${operation} />
      <${TryForm} operation=${operation} api=${api} session=${session} notify=${notify} />
    </div>`}
  </details>`;
}

function Reference({ operation }) {
  const { parameters, body, responses } = operation;
  return html`<div class="docs-reference">
    ${operation.description && html`<p><${Prose} text=${operation.description} /></p>`}
    <p>Access: ${accessLabel(operation)}.${operation.function && !operation.description.includes(operation.function) && html` Served by the function <code>${operation.function}</code>.`}</p>
    ${parameters.length > 0 && html`<h3>Parameters</h3>
      <ul class="schema">${parameters.map((parameter) => html`<${SchemaProperty} key=${keyOf(parameter)}
        name=${parameter.name} rule=${parameter.schema}
        description=${parameter.description} required=${parameter.required} where=${parameter.in} />`)}</ul>`}
    ${body && html`<h3>Body</h3><p class="hint"><code>${body.type}</code>${body.optional && ", optional"}</p><${Schema} schema=${body.schema} />`}
    <h3>Responses</h3>
    <ul class="docs-answers">${responses.map((response) => html`<${Response} key=${response.status}
      response=${response} />`)}</ul>
  </div>`;
}

function Response({ response }) {
  const { status, description, headers, schema } = response;
  const isProblem = status >= "400";
  return html`<li>
    <span class=${`status s${status[0]}`}>${status}</span>
    <div>
      <${Prose} text=${description} />
      ${headers.length > 0 && html`<p class="hint">With ${headers.map(({ name }, index) => html`${index > 0 && ", "}<code>${name}</code>`)}.</p>`}
      ${schema && !isProblem && html`<${Disclosure} label="Response schema"><${Schema} schema=${schema} /><//>`}
    </div>
  </li>`;
}

function Disclosure({ label, children }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div>
    <${Button} kind="link" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>${label}<//>
    ${isOpen && children}
  </div>`;
}

function Schema({ schema }) {
  const names = propertyNames(schema);
  if (names.length === 0) return html`<p class="hint">${ruleText(schema)}</p>`;
  return html`<ul class="schema">
    ${names.map((name) => html`<${SchemaProperty} key=${name} name=${name} rule=${schema.properties[name]}
      description=${schema.properties[name].description}
      required=${(schema.required ?? []).includes(name)} />`)}
  </ul>`;
}

function SchemaProperty({ name, rule, description, required, where }) {
  const inner = rule.properties ? rule : rule.items?.properties ? rule.items : null;
  return html`<li>
    <code>${name}</code>
    ${where && html`<span class="badge">${where}</span>`}
    ${required && html`<span class="badge">required</span>`}
    ${rule.readOnly && html`<span class="badge">read-only</span>`}
    <span class="hint">${ruleText(rule)}</span>
    ${description && html`<p><${Prose} text=${description} /></p>`}
    ${inner && html`<${Disclosure} label=${`Properties of ${name}`}><${Schema} schema=${inner} /><//>`}
  </li>`;
}

function ruleText(rule) {
  const types = rule.type === undefined ? [] : [rule.type].flat();
  const kind = types.map((type) => TYPE_NAMES[type]).join(" or ") || "anything";
  const of = rule.items?.type ? ` of ${[rule.items.type].flat().join(" or ")}` : "";
  const count = (noun) => (value) => countText(value, noun);
  const phrases = [
    ["format", String],
    ["enum", (value) => `one of ${value.map((element) => stringify(element)).join(", ")}`],
    ["const", stringify, "always "],
    ["minimum", stringify, "at least "],
    ["maximum", stringify, "at most "],
    ["multipleOf", stringify, "a multiple of "],
    ["minLength", count("character"), "at least "],
    ["maxLength", count("character"), "at most "],
    ["pattern", String, "pattern "],
    ["minItems", count("element"), "at least "],
    ["maxItems", count("element"), "at most "],
    ["uniqueItems", (value) => (value ? "no duplicates" : "")],
    ["nullable", (value) => (value ? "or null" : "")],
    ["default", stringify, "default "],
  ];
  const rules = phrases.filter(([keyword]) => Object.hasOwn(rule, keyword)).map(([keyword, tell, start = ""]) => start + tell(rule[keyword]));
  return [kind + of, ...rules.filter(Boolean)].join(", ");
}

function paragraphs(text) {
  return text.split(/\n\s*\n/).filter(Boolean);
}

function Prose({ text }) {
  const parts = text.split(/`([^`]+)`/);
  return html`<span>${parts.map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))}</span>`;
}

const keyOf = ({ in: location, name }) => `${location} ${name}`;

const isJson = (type) => /[/+]json$/.test(type);

let lastLanguage = LANGUAGES[0].name;

function TryForm({ operation, api, session, notify }) {
  const { body, parameters, security } = operation;
  const [values, setValues] = useState({});
  const [text, setText] = useState(() => (body && !body.optional ? initialText(body) : ""));
  const [faults, setFaults] = useState({});
  const [answer, setAnswer] = useState(null);
  const [isSending, setSending] = useState(false);
  const id = (key) => `try-${operation.id}-${key.replace(" ", "-")}`;
  const hasBody = Boolean(body) && !(body.optional && text.trim() === "");

  const valueOf = (parameter) => own(values, keyOf(parameter)) ?? "";
  const valuesIn = (location) =>
    Object.fromEntries(parameters.filter((parameter) => parameter.in === location && valueOf(parameter)).map((parameter) => [parameter.name, valueOf(parameter)]));

  const readForm = () => {
    const formFaults = {};
    for (const parameter of parameters) {
      if (parameter.required && !valueOf(parameter)) formFaults[keyOf(parameter)] = "Is required";
      if (parameter.in === "header" && !HEADER_VALUE.test(valueOf(parameter))) formFaults[keyOf(parameter)] = "A header may contain only ASCII characters";
    }
    let value;
    try {
      if (hasBody && isJson(body.type)) value = parseTyped(text);
    } catch (error) {
      formFaults["+body"] = `Not valid JSON: ${error.message}`;
    }
    setFaults(formFaults);
    const [first] = Object.keys(formFaults);
    if (first) {
      document.getElementById(id(first)).focus();
      return null;
    }
    return { path: valuesIn("path"), query: valuesIn("query"), headers: valuesIn("header"), body: value, text: hasBody ? text : undefined };
  };

  const send = async (event) => {
    event.preventDefault();
    const request = readForm();
    if (!request) return;
    setSending(true);
    const startedAt = performance.now();
    const { status, headers, data, problem } = await api.call(operation, request);
    setSending(false);
    setAnswer({ status, headers: [...headers], value: problem ?? data, took: Math.round(performance.now() - startedAt) });
  };

  const missingPath = Object.fromEntries(parameters.filter((each) => each.in === "path").map(({ name }) => [name, name.toUpperCase()]));
  const shownRequest = () => api.buildRequest(operation, {
    path: { ...missingPath, ...valuesIn("path") },
    query: valuesIn("query"),
    headers: valuesIn("header"),
    text: hasBody ? text : undefined,
  });

  const missing = session.missingAccess(security);
  return html`<form class="docs-try" onSubmit=${send} aria-label=${`Try ${operation.summary}`} novalidate>
    <h3>Try it</h3>
    ${missing && html`<p class="hint">${missing.detail}</p>`}
    <div class="docs-parameters">
      ${parameters.map((parameter) => html`<${Parameter} key=${keyOf(parameter)} id=${id(keyOf(parameter))} parameter=${parameter}
        value=${valueOf(parameter)} fault=${own(faults, keyOf(parameter))}
        onChange=${(value) => setValues({ ...values, [keyOf(parameter)]: value })} />`)}
    </div>
    ${body && html`<${Field} id=${id("+body")} label="Body" faults=${faultList(faults["+body"])}>
      <textarea ...${inputAttributes(id("+body"), null, faultList(faults["+body"]))} class="mono" spellcheck=${false} value=${text}
        rows=${Math.min(16, text.split("\n").length + 1)} onInput=${(event) => setText(event.target.value)} />
    <//>`}
    <div class="buttons">
      <button class=${operation.method === "DELETE" ? "button danger" : "button primary"}
        disabled=${Boolean(missing) || isSending}>Send</button>
    </div>
    <div aria-live="polite">${answer && html`<${Answer} answer=${answer} />`}</div>
    ${!isSigned(operation) && html`<${Samples} request=${shownRequest()} notify=${notify} />`}
  </form>`;
}

function initialText(body) {
  return isJson(body.type) ? stringify(exampleBody(body), 2) : "";
}

function Samples({ request, notify }) {
  const [name, setName] = useState(lastLanguage);
  const choose = (chosen) => {
    lastLanguage = chosen;
    setName(chosen);
  };
  const language = LANGUAGES.find((each) => each.name === name);
  const code = language.write(request);
  return html`<div class="samples">
    <div class="toolbar">
      <${Choice} label="Code sample" value=${name} onChange=${choose}
        options=${LANGUAGES.map((each) => [each.name, each.label])} />
      <${CopyButton} compact label=${`Copy as ${language.label}`} text=${() => code} notify=${notify} />
    </div>
    <pre class="code" tabindex="0" role="region" aria-label=${`${language.label} code`}><${Text} value=${code} /></pre>
    <p class="hint">${sampleHint(language, request.security)}</p>
  </div>`;
}

function Parameter({ id, parameter, value, fault, onChange }) {
  const { name, required, schema, in: location } = parameter;
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const rule = ruleText(without(schema, "pattern"));
  const hint = choices || rule === TYPE_NAMES.string ? "" : rule;
  const attributes = inputAttributes(id, hint, faultList(fault));
  return html`<${Field} id=${id} label=${location === "path" ? labelOf(name) : name} hint=${hint}
    faults=${faultList(fault)} required=${required}>
    ${choices
      ? html`<${Select} ...${attributes} value=${value} onChange=${onChange}
        options=${[["", "not sent"], ...choices.map(queryText).map((each) => [each, each])]} />`
      : html`<input ...${attributes} autocomplete="off" spellcheck=${false} value=${value}
        onInput=${(event) => onChange(event.target.value)} />`}
  <//>`;
}

function Answer({ answer }) {
  const { status, headers, value, took } = answer;
  const type = headers.find(([name]) => name === "content-type")?.[1] ?? "";
  const text = useMemo(() => answerText(value, type), [value]);
  if (status === 0) return html`<${Problem} problem=${value} />`;
  return html`<div class="docs-answer">
    <p><span class=${`status s${String(status)[0]}`}>${status}</span> <span class="hint">in ${took} ms</span></p>
    <${Disclosure} label="Headers">
      <dl class="docs-facts">${headers.map(([name, header]) => html`<dt>${name}</dt><dd><code>${header}</code></dd>`)}</dl>
    <//>
    ${text && html`<pre class="code" tabindex="0" role="region" aria-label="Response body"><${LongText} value=${text}
      limit=${LONG_LENGTH} /></pre>`}
  </div>`;
}

// A function may return any type.
function answerText(value, type) {
  if (value === null) return "";
  if (typeof value !== "string" || /json/.test(type)) return stringify(value, 2);
  return !type || /^text|xml|javascript/.test(type) ? value : `This response has the type ${type} and is not shown.`;
}

function faultList(fault) {
  return fault ? [fault] : [];
}

const MAX_EXAMPLE_DEPTH = 5;

/** One property is enough where the API keeps the others. */
function exampleBody({ schema, partial }) {
  const example = exampleOf(schema);
  return partial ? Object.fromEntries(Object.entries(example).slice(0, 1)) : example;
}

function exampleOf(schema, depth = 0) {
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
