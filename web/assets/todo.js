// A to-do list, for entities that are one.
import { html } from "./vendor/htm-preact.js";
import { Page } from "./ui.js";

export function isTodo() {
  return false;
}

export function TodoView({ entity }) {
  return html`<${Page} title=${entity.label}><//>`;
}
