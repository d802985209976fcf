// The API's documentation, with requests to try out.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { curl } from "./curl.js";
import { exampleBody } from "./example.js";
import { own, parse, stringify } from "./json.js";
import { isSigned, propertyNames } from "./model.js";
import { countText, labelOf } from "./text.js";
import { CopyButton, Field, LongText, Page, Problem, inputAttributes, useSession } from "./ui.js";

const TYPE_NAMES = { array: "array", boolean: "true or false", integer: "whole number", null: "null", number: "number", object: "object", string: "text" };
const HEADER_VALUE = /^[\t -~]*$/;
const LONG_LENGTH = 20_000; // characters of an answer, before its reader asks for all

export function Docs({ model, api, session, route, go, notify }) {
  useSession(session);
  const base = api.buildRequest({ method: "GET", path: "", security: [] }).url;
  const operations = useRef(null);
  // A link to an operation shows it.
  useEffect(() => operations.current.querySelector("details[open]")?.scrollIntoView(), []);
  return html`<${Page} title="API documentation">
    <div class="docs" ref=${operations}>
      <div class="docs-lead">
        <h2>${model.title}</h2>
        ${paragraphs(model.description).map((text) => html`<p><${Prose} text=${text} /></p>`)}
        <dl class="docs-facts">
          <dt>Address</dt><dd><code>${base}</code></dd>
          <dt>This document</dt><dd><code>${base}/openapi.json</code> (OpenAPI 3.0)</dd>
        </dl>
      </div>
      ${model.entities.map((entity) => html`<section key=${entity.name} aria-labelledby=${`docs-${entity.name}`}>
        <h2 id=${`docs-${entity.name}`}>${entity.label}</h2>
        ${model.operations.filter((operation) => operation.entity === entity.name).map((operation) => html`<${Operation}
          key=${operation.id} operation=${operation} api=${api} session=${session} notify=${notify} isOpen=${route.id === operation.id}
          onToggle=${(isOpen) => go({ name: route.name, id: isOpen ? operation.id : "" }, { replace: true })} />`)}
      </section>`)}
    </div>
  <//>`;
}

function Operation({ operation, api, session, notify, isOpen, onToggle }) {
  const toggle = (event) => {
    event.preventDefault(); // it is open when the address says so
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

// --- what there is to know ---

function Reference({ operation }) {
  const { parameters, body, responses } = operation;
  return html`<div class="docs-reference">
    ${operation.description && html`<p><${Prose} text=${operation.description} /></p>`}
    <p>${accessText(operation)}</p>
    ${parameters.length > 0 && html`<h3>Parameters</h3>
      <ul class="schema">${parameters.map((parameter) => html`<${SchemaProperty} key=${parameter.name} name=${parameter.name} rule=${parameter.schema}
        description=${parameter.description} required=${parameter.required} where=${parameter.in} />`)}</ul>`}
    ${body && html`<h3>Body</h3><p class="hint"><code>${body.type}</code></p><${Schema} schema=${body.schema} />`}
    <h3>Answers</h3>
    <ul class="docs-answers">${responses.map((response) => html`<${Response} key=${response.status} response=${response} />`)}</ul>
  </div>`;
}

function accessText({ security }) {
  const kinds = security.flatMap(Object.keys);
  const scopes = security.flatMap((scheme) => Object.values(scheme).flat());
  if (kinds.includes("api_key")) return "Asks for an API key.";
  if (kinds.includes("iam")) return "Asks for a signature of AWS (Signature Version 4).";
  if (kinds.length === 0) return "Open to anyone.";
  return scopes.length ? `Asks for an access token with the scope ${scopes.join(" or ")}.` : "Asks for an access token.";
}

function Response({ response }) {
  const { status, description, headers, schema } = response;
  const isProblem = status >= "400";
  return html`<li>
    <span class=${`status s${status[0]}`}>${status}</span>
    <div>
      <${Prose} text=${description} />
      ${headers.length > 0 && html`<p class="hint">With ${headers.map(({ name }, index) => html`${index > 0 && ", "}<code>${name}</code>`)}.</p>`}
      ${schema && !isProblem && html`<${Disclosure} label="What it holds"><${Schema} schema=${schema} /><//>`}
    </div>
  </li>`;
}

function Disclosure({ label, children }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div>
    <button type="button" class="link" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>${label}</button>
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

// A rule in words: "text, at most 200 characters".
function ruleText(rule) {
  const types = rule.type === undefined ? [] : [rule.type].flat();
  const kind = types.map((type) => TYPE_NAMES[type]).join(" or ") || "anything";
  const of = rule.items?.type ? ` of ${[rule.items.type].flat().join(" or ")}` : "";
  const phrases = [
    ["format", (value) => value],
    ["enum", (value) => `one of ${value.map((element) => stringify(element)).join(", ")}`],
    ["const", (value) => `always ${stringify(value)}`],
    ["minimum", (value) => `at least ${stringify(value)}`],
    ["maximum", (value) => `at most ${stringify(value)}`],
    ["multipleOf", (value) => `a multiple of ${stringify(value)}`],
    ["minLength", (value) => `at least ${countText(value, "character")}`],
    ["maxLength", (value) => `at most ${countText(value, "character")}`],
    ["pattern", (value) => `like ${value}`],
    ["minItems", (value) => `at least ${countText(value, "element")}`],
    ["maxItems", (value) => `at most ${countText(value, "element")}`],
    ["uniqueItems", (value) => (value ? "none twice" : "")],
    ["nullable", (value) => (value ? "or null" : "")],
    ["default", (value) => `${stringify(value)} unless given`],
  ];
  const rules = phrases.filter(([keyword]) => Object.hasOwn(rule, keyword)).map(([keyword, tell]) => tell(rule[keyword]));
  return [kind + of, ...rules.filter(Boolean)].join(", ");
}

function paragraphs(text) {
  return text.split(/\n\s*\n/).filter(Boolean);
}

// Of Markdown, what the document uses: `code`.
function Prose({ text }) {
  const parts = text.split(/`([^`]+)`/);
  return html`<span>${parts.map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))}</span>`;
}

// --- trying it out ---

function TryForm({ operation, api, session, notify }) {
  const { body, parameters, security } = operation;
  const [values, setValues] = useState({});
  const [text, setText] = useState(() => (body ? stringify(exampleBody(body), 2) : ""));
  const [faults, setFaults] = useState({});
  const [answer, setAnswer] = useState(null);
  const [isSending, setSending] = useState(false);
  const id = (name) => `try-${operation.id}-${name}`;

  const valueOf = ({ name }) => own(values, name) ?? "";
  const valuesIn = (location) =>
    Object.fromEntries(parameters.filter((parameter) => parameter.in === location && valueOf(parameter)).map((parameter) => [parameter.name, valueOf(parameter)]));

  // What is to be sent; sets the faults, and returns null, while it can not be.
  const readForm = () => {
    const formFaults = {};
    for (const parameter of parameters) {
      if (parameter.required && !valueOf(parameter)) formFaults[parameter.name] = "Is required";
      if (parameter.in === "header" && !HEADER_VALUE.test(valueOf(parameter))) formFaults[parameter.name] = "Must be ASCII, as all that stands in a header";
    }
    let value;
    try {
      if (body) value = parse(text);
    } catch (error) {
      formFaults["+body"] = `Not valid JSON: ${error.message}`;
    }
    setFaults(formFaults);
    const [first] = Object.keys(formFaults);
    if (first) {
      document.getElementById(id(first)).focus();
      return null;
    }
    return { id: values.id, query: valuesIn("query"), headers: valuesIn("header"), body: value };
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

  const command = () => {
    // What is missing is shown as what is to be put there.
    const shown = { id: values.id || "ID", query: valuesIn("query"), headers: valuesIn("header") };
    const request = api.buildRequest(operation, shown);
    if (!body) return curl(request);
    return curl({ ...request, headers: { ...request.headers, "Content-Type": body.type }, body: text });
  };

  const missing = session.missingAccess(security);
  return html`<form class="docs-try" onSubmit=${send} aria-label=${`Try ${operation.summary}`} novalidate>
    <h3>Try it</h3>
    ${missing && html`<p class="hint">${missing.detail}</p>`}
    <div class="docs-parameters">
      ${parameters.map((parameter) => html`<${Parameter} key=${parameter.name} id=${id(parameter.name)} parameter=${parameter}
        value=${valueOf(parameter)} fault=${own(faults, parameter.name)}
        onChange=${(value) => setValues({ ...values, [parameter.name]: value })} />`)}
    </div>
    ${body && html`<${Field} id=${id("+body")} label="Body" faults=${faultList(faults["+body"])}>
      <textarea ...${inputAttributes(id("+body"), null, faultList(faults["+body"]))} class="mono" spellcheck=${false} value=${text}
        rows=${Math.min(16, text.split("\n").length + 1)} onInput=${(event) => setText(event.target.value)} />
    <//>`}
    <div class="buttons">
      ${!isSigned(operation) && html`<${CopyButton} label="Copy as curl" icon="code" text=${command} notify=${notify} />`}
      <button class=${operation.method === "DELETE" ? "button danger" : "button primary"} disabled=${Boolean(missing) || isSending}>Send</button>
    </div>
    <div aria-live="polite">${answer && html`<${Answer} answer=${answer} />`}</div>
  </form>`;
}

function Parameter({ id, parameter, value, fault, onChange }) {
  const { name, required, schema, in: location } = parameter;
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const rule = ruleText(schema);
  const hint = choices || rule === TYPE_NAMES.string ? "" : rule;
  const attributes = inputAttributes(id, hint, faultList(fault));
  const change = (event) => onChange(event.target.value);
  return html`<${Field} id=${id} label=${location === "path" ? labelOf(name) : name} hint=${hint} faults=${faultList(fault)} required=${required}>
    ${choices
      ? html`<select ...${attributes} value=${value} onChange=${change}>
          <option value="">not sent</option>
          ${choices.map(queryText).map((choice) => html`<option value=${choice}>${choice}</option>`)}
        </select>`
      : html`<input ...${attributes} autocomplete="off" spellcheck=${false} value=${value} onInput=${change} />`}
  <//>`;
}

function Answer({ answer }) {
  const { status, headers, value, took } = answer;
  const text = useMemo(() => (value === null ? "" : stringify(value, 2)), [value]);
  if (status === 0) return html`<${Problem} problem=${value} />`;
  return html`<div class="docs-answer">
    <p><span class=${`status s${String(status)[0]}`}>${status}</span> <span class="hint">in ${took} ms</span></p>
    <${Disclosure} label="Headers">
      <dl class="docs-facts">${headers.map(([name, header]) => html`<dt>${name}</dt><dd><code>${header}</code></dd>`)}</dl>
    <//>
    ${text && html`<pre class="code" tabindex="0" role="region" aria-label="The answer's body"><${LongText} value=${text} limit=${LONG_LENGTH} /></pre>`}
  </div>`;
}

// As it stands in a URL. A number with many digits has a text in JSON alone.
function queryText(choice) {
  return typeof choice === "string" ? choice : stringify(choice);
}

function faultList(fault) {
  return fault ? [fault] : [];
}
