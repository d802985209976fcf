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
