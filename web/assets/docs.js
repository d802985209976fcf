// The API's documentation, with requests to try out.
import { html } from "./vendor/htm-preact.js";
import { Page } from "./ui.js";

export function Docs() {
  return html`<${Page} title="API documentation"><//>`;
}
