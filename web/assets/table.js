// An entity's items as a table.
import { html } from "./vendor/htm-preact.js";
import { Page } from "./ui.js";

export function EntityView({ entity }) {
  return html`<${Page} title=${entity.label}><//>`;
}
