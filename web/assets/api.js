// Requests to the API. A call never throws: every failure is a problem (RFC 9457), including those of the network.
import { own, parse, stringify } from "./json.js";

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
    if (operation.method !== "GET" && !answer.problem) writeListeners.forEach((listener) => listener({ operation, id: options.id ?? options.path?.id, data: answer.data }));
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
  const named = (options = {}) => ({ ...options, query: { ...options.query, owner } });
  return { ...api, buildRequest: (operation, options) => api.buildRequest(operation, named(options)), call: (operation, options) => api.call(operation, named(options)) };
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
