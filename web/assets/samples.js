// Requests as code samples: curl, Python and JavaScript.
import { escapeHidden } from "./text.js";

// Samples end up in chats and shell histories, so variables stand for secrets.
const CREDENTIALS = {
  api_key: { name: "x-api-key", prefix: "", variable: "API_KEY" },
  cognito: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
  jwt: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
};

export function secretsOf(security) {
  return security.flatMap(Object.keys).flatMap((scheme) => (Object.hasOwn(CREDENTIALS, scheme) ? [CREDENTIALS[scheme]] : []));
}

export function isSecretHeader(name) {
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
