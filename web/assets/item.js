// One item: made, changed, deleted.
import { html } from "./vendor/htm-preact.js";
import { Page } from "./ui.js";

export function ItemView({ entity }) {
  return html`<${Page} title=${entity.label}><//>`;
}
