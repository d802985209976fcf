// Requests as commands for a POSIX shell.
import { replaceHidden } from "./text.js";

// They say who calls, and a command goes into chats and histories: variables stand in for what is secret.
const CREDENTIAL_HEADERS = {
  api_key: '"x-api-key: $API_KEY"',
  cognito: '"authorization: Bearer $TOKEN"',
  jwt: '"authorization: Bearer $TOKEN"',
};
const SECRET_HEADERS = new Set(["x-api-key", "authorization"]);

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
  for (const scheme of security.flatMap(Object.keys)) {
    if (Object.hasOwn(CREDENTIAL_HEADERS, scheme)) lines.push(`-H ${CREDENTIAL_HEADERS[scheme]}`);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!SECRET_HEADERS.has(name.toLowerCase())) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  }
  // What a terminal or an editor shows in another place, or not at all, may be an escape in JSON, and means the same.
  if (body !== undefined) lines.push(`--data-raw ${quote(replaceHidden(body, escapeCharacter))}`);
  return lines.join(" \\\n  ");
}

// Nothing has a meaning between single quotes, so only they have to be taken out.
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function escapeCharacter(character) {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
