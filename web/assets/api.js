// Requests to the API. A call never throws: every failure is a problem (RFC 9457), including those of the network.
import { own, parse, stringify } from "./json.js";
import { escapeHidden } from "./text.js";

export function createApi(config, session) {
  const base = new URL(config.api, location.href).href.replace(/\/$/, "");
  const writeListeners = new Set();

  /** path: of path parameters; `id` alone is enough. text: a body that is not JSON. */
  function buildRequest(operation, { id, path = { id }, query = {}, headers = {}, body, text } = {}) {
    const url = new URL(base + operation.path.replace(/\{([^{}]+)\}/g, (_, name) => encodeURIComponent(own(path, name))));
    const content = body === undefined ? text : stringify(body);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return {
      method: operation.method,
      url: url.href,
      headers: {
        Accept: operation.function ? "*/*" : "application/json",
        ...(content === undefined ? {} : { "Content-Type": operation.body.type }),
        ...session.headers(operation.security),
        ...headers,
      },
      body: content,
      security: operation.security,
      anyType: Boolean(operation.function),
    };
  }

  /**
   * Resolve to {status, headers, data, problem, request}; status is 0 without a response. A call
   * that lacks access is not sent, so that it does not count as an error.
   */
  async function call(operation, options = {}) {
    const answer = await callOnce(operation, options);
    if (operation.method !== "GET" && !answer.problem) {
      const write = { operation, id: options.id ?? options.path?.id, data: answer.data };
      writeListeners.forEach((listener) => listener(write));
    }
    return answer;
  }

  async function callOnce(operation, { keepalive = false, signal, ...options }) {
    const firstRequest = buildRequest(operation, options);
    const missing = session.missingAccess(operation.security);
    if (missing) return failure(firstRequest, 401, new Headers(), { title: "Not sent", status: 401, detail: missing.detail });
    const answer = await sendRequest(firstRequest, { keepalive, signal });
    if (answer.status !== 401 || !(await session.renewAfter401(firstRequest.headers.authorization))) return answer;
    return sendRequest(buildRequest(operation, options), { keepalive, signal });
  }

  function fetchDocument() {
    const headers = { Accept: "application/json", ...session.headers([{ api_key: [] }]) };
    return sendRequest({ method: "GET", url: `${base}/openapi.json`, headers }, {});
  }

  function onWrite(listener) {
    writeListeners.add(listener);
    return () => writeListeners.delete(listener);
  }

  return { baseUrl: base, buildRequest, call, documentUrl: `${base}/openapi.json`, fetchDocument, onWrite };
}

/** An API whose requests all name an owner. */
export function forOwner(api, owner) {
  if (owner === undefined) return api;
  const named = (send) => (operation, options = {}) => send(operation, { ...options, query: { ...options.query, owner } });
  return { ...api, buildRequest: named(api.buildRequest), call: named(api.call) };
}

async function sendRequest(request, { keepalive, signal }) {
  try {
    const { method, headers, body } = request;
    const response = await fetch(request.url, { method, headers, body, keepalive, signal, cache: "no-store" });
    return readResponse(request, response, await response.text());
  } catch (error) {
    if (error.name === "AbortError") return { status: 0, headers: new Headers(), data: null, problem: null, request };
    const detail = "The API did not respond. Check the connection, then try again.";
    return failure(request, 0, new Headers(), { title: "No response", status: 0, detail });
  }
}

function readResponse(request, response, text) {
  const { status, headers } = response;
  let data = null;
  try {
    data = text ? parse(text) : null;
  } catch {
    if (request.anyType) return { status, headers, data: text, problem: null, request };
    const detail = "The response is not JSON. It probably comes from a proxy, not from the API.";
    return failure(request, status, headers, { title: `Status ${status}`, status, detail });
  }
  if (response.ok || status === 304) return { status, headers, data, problem: null, request };
  const problem = typeof data?.detail === "string" ? data : { title: `Status ${status}`, status, detail: data?.message ?? "" };
  return failure(request, status, headers, problem);
}

function failure(request, status, headers, problem) {
  return { status, headers, data: null, problem, request };
}

// --- requests as code: curl, Python and JavaScript ---

// Samples end up in chats and shell histories, so variables stand for secrets.
const CREDENTIALS = {
  api_key: { name: "x-api-key", prefix: "", variable: "API_KEY" },
  cognito: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
  jwt: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
};

function secretsOf(security) {
  return security.flatMap(Object.keys).flatMap((scheme) => (Object.hasOwn(CREDENTIALS, scheme) ? [CREDENTIALS[scheme]] : []));
}

function isSecretHeader(name) {
  return Object.values(CREDENTIALS).some((credential) => credential.name === name.toLowerCase());
}

export function curl({ method, url, headers, body, security }) {
  const lines = ["curl -i"];
  // curl expands brackets and braces in URLs.
  if (/[[\]{}]/.test(url)) lines[0] += " -g";
  if (method !== "GET") lines[0] += ` -X ${method}`;
  lines[0] += ` ${quote(new URL(url, location.href).href)}`;
  for (const { name, prefix, variable } of secretsOf(security)) lines.push(`-H "${name}: ${prefix}$${variable}"`);
  for (const [name, value] of Object.entries(headers)) {
    if (!isSecretHeader(name)) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  // Escape what terminals and editors hide or reorder.
  if (body !== undefined) lines.push(`--data-raw ${quote(escapeHidden(body))}`);
  return lines.join(" \\\n  ");
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export const LANGUAGES = [
  { name: "curl", label: "curl", hint: "For a POSIX shell", write: curl },
  { name: "python", label: "Python", hint: "For Python 3.8 or later", write: python },
  { name: "javascript", label: "JavaScript", hint: "For Node.js 18 or later, as a module", write: javascript },
];

export function sampleHint(language, security) {
  const [secret] = secretsOf(security);
  return secret ? `${language.hint}, with the environment variable ${secret.variable}.` : `${language.hint}.`;
}

function python({ method, url, headers, body, security }) {
  const secrets = secretsOf(security);
  const lines = [
    ...(secrets.length ? ["import os"] : []),
    "import urllib.error",
    "import urllib.request",
    "",
    "request = urllib.request.Request(",
    `    ${literal(absolute(url))},`,
    `    method=${literal(method)},`,
    "    headers={",
    ...secrets.map(({ name, prefix, variable }) => `        ${literal(name)}: ${prefix ? `${literal(prefix)} + ` : ""}os.environ["${variable}"],`),
    ...openHeaders(headers).map(([name, value]) => `        ${literal(name)}: ${literal(value)},`),
    "    },",
    ...(body === undefined ? [] : [`    data="""${escapeHidden(body).replace(/\\/g, "\\\\").replace(/"(?=""|$)/g, '\\"')}""".encode(),`]),
    ")",
    "try:",
    "    with urllib.request.urlopen(request) as response:",
    "        print(response.status, response.read().decode())",
    "except urllib.error.HTTPError as error:",
    '    raise SystemExit(f"{error.code} {error.read().decode()}")',
  ];
  return `${lines.join("\n")}\n`;
}

function javascript({ method, url, headers, body, security }) {
  const lines = [
    `const response = await fetch(${literal(absolute(url))}, {`,
    `  method: ${literal(method)},`,
    "  headers: {",
    ...secretsOf(security).map(({ name, prefix, variable }) => `    ${literal(name)}: \`${prefix}\${process.env.${variable}}\`,`),
    ...openHeaders(headers).map(([name, value]) => `    ${literal(name)}: ${literal(value)},`),
    "  },",
    ...(body === undefined ? [] : [`  body: \`${escapeHidden(body).replace(/[\\`]|\$(?=\{)/g, "\\$&")}\`,`]),
    "});",
    "console.log(response.status, await response.text());",
  ];
  return `${lines.join("\n")}\n`;
}

const absolute = (url) => new URL(url, location.href).href;

const openHeaders = (headers) => Object.entries(headers).filter(([name]) => !isSecretHeader(name));

// JSON strings are valid in Python and JavaScript.
const literal = (text) => JSON.stringify(text);
