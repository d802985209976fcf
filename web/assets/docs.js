// The API's documentation, with requests to try out.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.js";
import { curl } from "./curl.js";
import { exampleBody } from "./example.js";
import { own, parse, stringify } from "./json.js";
import { isSigned } from "./model.js";
import { count, labelOf } from "./text.js";
import { CopyButton, Field, LongText, Page, Problem, describe, useSession } from "./ui.js";

const ARTICLE = { array: "array", boolean: "true or false", integer: "whole number", null: "null", number: "number", object: "object", string: "text" };
const HEADER = /^[\t -~]*$/;
const LONG = 20_000; // characters of an answer, before its reader asks for all

export function Docs({ model, api, session, route, go, notify }) {
  useSession(session);
  const base = api.request({ method: "GET", path: "", security: [] }).url;
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
      <${Try} operation=${operation} api=${api} session=${session} notify=${notify} />
    </div>`}
  </details>`;
}

// --- what there is to know ---

function Reference({ operation }) {
  const { parameters, body, responses } = operation;
  return html`<div class="docs-reference">
    ${operation.description && html`<p><${Prose} text=${operation.description} /></p>`}
    <p>${callersOf(operation)}</p>
    ${parameters.length > 0 && html`<h3>Parameters</h3>
      <ul class="schema">${parameters.map((parameter) => html`<${Rule} key=${parameter.name} name=${parameter.name} rule=${parameter.schema}
        description=${parameter.description} required=${parameter.required} where=${parameter.in} />`)}</ul>`}
    ${body && html`<h3>Body</h3><p class="hint"><code>${body.type}</code></p><${Schema} schema=${body.schema} />`}
    <h3>Answers</h3>
    <ul class="docs-answers">${responses.map((response) => html`<${Response} key=${response.status} response=${response} />`)}</ul>
  </div>`;
}

function callersOf({ security }) {
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
      ${schema && !isProblem && html`<${Folded} label="What it holds"><${Schema} schema=${schema} /><//>`}
    </div>
  </li>`;
}

function Folded({ label, children }) {
  const [isOpen, setOpen] = useState(false);
  return html`<div>
    <button type="button" class="link" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>${label}</button>
    ${isOpen && children}
  </div>`;
}

function Schema({ schema }) {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return html`<p class="hint">${sentence(schema)}</p>`;
  return html`<ul class="schema">
    ${properties.map(([name, rule]) => html`<${Rule} key=${name} name=${name} rule=${rule} description=${rule.description}
      required=${(schema.required ?? []).includes(name)} />`)}
  </ul>`;
}

function Rule({ name, rule, description, required, where }) {
  const inner = rule.properties ? rule : rule.items?.properties ? rule.items : null;
  return html`<li>
    <code>${name}</code>
    ${where && html`<span class="badge">${where}</span>`}
    ${required && html`<span class="badge">required</span>`}
    <span class="hint">${sentence(rule)}</span>
    ${description && html`<p><${Prose} text=${description} /></p>`}
    ${inner && html`<${Folded} label=${`Properties of ${name}`}><${Schema} schema=${inner} /><//>`}
  </li>`;
}

// A rule in words: "text, at most 200 characters".
function sentence(rule) {
  const types = rule.type === undefined ? [] : [rule.type].flat();
  const kind = types.map((type) => ARTICLE[type]).join(" or ") || "anything";
  const of = rule.items?.type ? ` of ${[rule.items.type].flat().join(" or ")}` : "";
  const told = [
    ["format", (value) => value],
    ["enum", (value) => `one of ${value.map((one) => stringify(one)).join(", ")}`],
    ["const", (value) => `always ${stringify(value)}`],
    ["minimum", (value) => `at least ${stringify(value)}`],
    ["maximum", (value) => `at most ${stringify(value)}`],
    ["multipleOf", (value) => `a multiple of ${stringify(value)}`],
    ["minLength", (value) => `at least ${count(value, "character")}`],
    ["maxLength", (value) => `at most ${count(value, "character")}`],
    ["pattern", (value) => `like ${value}`],
    ["minItems", (value) => `at least ${count(value, "element")}`],
    ["maxItems", (value) => `at most ${count(value, "element")}`],
    ["uniqueItems", (value) => (value ? "none twice" : "")],
    ["nullable", (value) => (value ? "or null" : "")],
    ["default", (value) => `${stringify(value)} unless given`],
  ];
  const rules = told.filter(([keyword]) => Object.hasOwn(rule, keyword)).map(([keyword, tell]) => tell(rule[keyword]));
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

function Try({ operation, api, session, notify }) {
  const { body, parameters, security } = operation;
  const [values, setValues] = useState({});
  const [text, setText] = useState(() => (body ? stringify(exampleBody(body), 2) : ""));
  const [faults, setFaults] = useState({});
  const [answer, setAnswer] = useState(null);
  const [isSending, setSending] = useState(false);
  const id = (name) => `try-${operation.id}-${name}`;

  const valueOf = ({ name }) => own(values, name) ?? "";
  const given = (place) =>
    Object.fromEntries(parameters.filter((one) => one.in === place && valueOf(one)).map((one) => [one.name, valueOf(one)]));

  // What is to be sent; sets the faults, and returns null, while it can not be.
  const readForm = () => {
    const found = {};
    for (const one of parameters) {
      if (one.required && !valueOf(one)) found[one.name] = "Is required";
      if (one.in === "header" && !HEADER.test(valueOf(one))) found[one.name] = "Must be ASCII, as all that stands in a header";
    }
    let value;
    try {
      if (body) value = parse(text);
    } catch (error) {
      found["+body"] = `Not valid JSON: ${error.message}`;
    }
    setFaults(found);
    const [first] = Object.keys(found);
    if (first) {
      document.getElementById(id(first)).focus();
      return null;
    }
    return { id: values.id, query: given("query"), headers: given("header"), body: value };
  };

  const send = async (event) => {
    event.preventDefault();
    const request = readForm();
    if (!request) return;
    setSending(true);
    const began = performance.now();
    const { status, headers, data, problem } = await api.call(operation, request);
    setSending(false);
    setAnswer({ status, headers: [...headers], value: problem ?? data, took: Math.round(performance.now() - began) });
  };

  const command = () => {
    // What is missing is shown as what is to be put there.
    const path = { id: values.id || "ID", query: given("query"), headers: given("header") };
    const request = api.request(operation, path);
    if (!body) return curl(request);
    return curl({ ...request, headers: { ...request.headers, "Content-Type": body.type }, body: text });
  };

  const lacking = session.lacks(security);
  return html`<form class="docs-try" onSubmit=${send} aria-label=${`Try ${operation.summary}`} novalidate>
    <h3>Try it</h3>
    ${lacking && html`<p class="hint">${lacking.detail}</p>`}
    <div class="docs-parameters">
      ${parameters.map((parameter) => html`<${Parameter} key=${parameter.name} id=${id(parameter.name)} parameter=${parameter}
        value=${valueOf(parameter)} fault=${own(faults, parameter.name)}
        onChange=${(value) => setValues({ ...values, [parameter.name]: value })} />`)}
    </div>
    ${body && html`<${Field} id=${id("+body")} label="Body" faults=${list(faults["+body"])}>
      <textarea ...${describe(id("+body"), null, list(faults["+body"]))} class="mono" spellcheck=${false} value=${text}
        rows=${Math.min(16, text.split("\n").length + 1)} onInput=${(event) => setText(event.target.value)} />
    <//>`}
    <div class="buttons">
      ${!isSigned(operation) && html`<${CopyButton} label="Copy as curl" icon="code" text=${command} notify=${notify} />`}
      <button class=${operation.method === "DELETE" ? "button danger" : "button primary"} disabled=${Boolean(lacking) || isSending}>Send</button>
    </div>
    <div aria-live="polite">${answer && html`<${Answer} answer=${answer} />`}</div>
  </form>`;
}

function Parameter({ id, parameter, value, fault, onChange }) {
  const { name, required, schema, in: place } = parameter;
  const choices = schema.enum ?? (schema.type === "boolean" ? [true, false] : null);
  const said = sentence(schema);
  const hint = choices || said === ARTICLE.string ? "" : said;
  const described = describe(id, hint, list(fault));
  const change = (event) => onChange(event.target.value);
  return html`<${Field} id=${id} label=${place === "path" ? labelOf(name) : name} hint=${hint} faults=${list(fault)} required=${required}>
    ${choices
      ? html`<select ...${described} value=${value} onChange=${change}>
          <option value="">not sent</option>
          ${choices.map(textOf).map((choice) => html`<option value=${choice}>${choice}</option>`)}
        </select>`
      : html`<input ...${described} autocomplete="off" spellcheck=${false} value=${value} onInput=${change} />`}
  <//>`;
}

function Answer({ answer }) {
  const { status, headers, value, took } = answer;
  const text = useMemo(() => (value === null ? "" : stringify(value, 2)), [value]);
  if (status === 0) return html`<${Problem} problem=${value} />`;
  return html`<div class="docs-answer">
    <p><span class=${`status s${String(status)[0]}`}>${status}</span> <span class="hint">in ${took} ms</span></p>
    <${Folded} label="Headers">
      <dl class="docs-facts">${headers.map(([name, said]) => html`<dt>${name}</dt><dd><code>${said}</code></dd>`)}</dl>
    <//>
    ${text && html`<pre class="code" tabindex="0" role="region" aria-label="The answer's body"><${LongText} value=${text} limit=${LONG} /></pre>`}
  </div>`;
}

// As it stands in a URL. A number with many digits has a text in JSON alone.
function textOf(choice) {
  return typeof choice === "string" ? choice : stringify(choice);
}

function list(fault) {
  return fault ? [fault] : [];
}
