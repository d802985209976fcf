// Requests as commands for a POSIX shell.
import { escapeHidden } from "./text.js";

// What says who calls. Commands and code go into chats and histories, so variables stand in for what is secret.
const CREDENTIALS = {
  api_key: { name: "x-api-key", prefix: "", variable: "API_KEY" },
  cognito: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
  jwt: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
};

/** The headers that an operation's `security` asks for: {name, prefix, variable}; the variable follows the prefix in the value. */
export function secretsOf(security) {
  return security.flatMap(Object.keys).flatMap((scheme) => (Object.hasOwn(CREDENTIALS, scheme) ? [CREDENTIALS[scheme]] : []));
}

/** Whether a header says who calls. */
export function isSecretHeader(name) {
  return Object.values(CREDENTIALS).some((credential) => credential.name === name.toLowerCase());
}

/**
 * A command that sends a request when pasted, provided that $API_KEY or $TOKEN is set where the operation asks for one.
 *
 * @param {{method: string, url: string, headers: Record<string, string>, body?: string, security: Record<string, string[]>[]}} request
 */
export function curl({ method, url, headers, body, security }) {
  const lines = ["curl -i"];
  // curl gives brackets and braces in URLs a meaning of its own.
  if (/[[\]{}]/.test(url)) lines[0] += " -g";
  if (method !== "GET") lines[0] += ` -X ${method}`;
  lines[0] += ` ${quote(new URL(url, location.href).href)}`;
  for (const { name, prefix, variable } of secretsOf(security)) lines.push(`-H "${name}: ${prefix}$${variable}"`);
  for (const [name, value] of Object.entries(headers)) {
    if (!isSecretHeader(name)) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  // What a terminal or an editor shows in another place, or not at all, may be an escape in JSON, and means the same.
  if (body !== undefined) lines.push(`--data-raw ${quote(escapeHidden(body))}`);
  return lines.join(" \\\n  ");
}

// Nothing has a meaning between single quotes, so only they have to be taken out.
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// Requests as code: what sends one when pasted, with nothing installed beside the language.

/** {name, label, hint, write}; write(request) returns the code, request as curl() takes it. */
export const LANGUAGES = [
  { name: "curl", label: "curl", hint: "For a POSIX shell", write: curl },
  { name: "python", label: "Python", hint: "For Python 3.8 or later", write: python },
  { name: "javascript", label: "JavaScript", hint: "For Node.js 18 or later, as a module", write: javascript },
];

/** How to run the code of a language: its version, and the environment variables that the request needs. */
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

// A text that has no more than JSON's escapes means the same in Python and in JavaScript.
const literal = (text) => JSON.stringify(text);
