// Requests as code: what sends one when pasted, with nothing installed beside the language.
import { curl, isSecretHeader, secretsOf } from "./curl.js";
import { escapeHidden } from "./text.js";

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
