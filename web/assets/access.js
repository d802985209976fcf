// Who calls: the control in the side bar, and what a view shows where the API wants to know.
import { html, useState } from "./vendor/htm-preact.js";
import { asks } from "./model.js";
import { Dialog, Empty, Field, Icon, describe, useSession } from "./ui.js";

/** The side bar's control: API key and sign-in, as far as the API asks for them. */
export function Access({ model, session, config }) {
  useSession(session);
  const [open, setOpen] = useState(false);
  const { user, key } = session;
  return html`<div class="access">
    ${asks(model, "api_key") && html`<button type="button" class="nav-item" onClick=${() => setOpen(true)}>
      <${Icon} name="key" />${key ? "API key set" : "Enter API key"}<span class=${key ? "dot on" : "dot"}></span>
    </button>`}
    ${config.sign_in && !user && html`<button type="button" class="nav-item" onClick=${() => session.signIn()}>
      <${Icon} name="user" />Sign in
    </button>`}
    ${user && html`<div class="nav-item who"><${Icon} name="user" /><span>${user}</span>
      <button type="button" class="icon-button" aria-label="Sign out" title="Sign out"
        onClick=${() => session.signOut()}><${Icon} name="out" /></button>
    </div>`}
    ${open && html`<${KeyDialog} session=${session} onClose=${() => setOpen(false)} />`}
  </div>`;
}

function KeyDialog({ session, onClose }) {
  const forget = () => {
    session.setKey("");
    onClose();
  };
  return html`<${Dialog} title="API key" onClose=${onClose}>
    <${KeyForm} id="api-key-here" session=${session} onDone=${onClose}>
      ${session.key && html`<button type="button" class="button" onClick=${forget}>Forget the key</button>`}
    <//>
  <//>`;
}

/** An input for the API key. id: of the input, as the dialog can be over a view that has one, too. */
export function KeyForm({ session, onDone, id = "api-key", children }) {
  const [key, setKey] = useState(session.key);
  const [faults, setFaults] = useState([]);
  const save = (event) => {
    event.preventDefault();
    if (session.setKey(key)) onDone?.();
    else setFaults(["A key has letters, digits and signs of ASCII alone, and no spaces"]);
  };
  const input = (event) => {
    setKey(event.target.value);
    setFaults([]);
  };
  const hint = "It stays in this tab, and is gone when you close it.";
  return html`<form class="key-form" onSubmit=${save}>
    <${Field} id=${id} label="API key" hint=${hint} faults=${faults}>
      <input ...${describe(id, hint, faults)} type="password" autocomplete="off" spellcheck=${false} value=${key} onInput=${input} />
    <//>
    <div class="buttons">${children}<button class="button primary" disabled=${!key.trim()}>Use this key</button></div>
  </form>`;
}

/** Whether an answer means that the API wants to know who calls, in a way that the page can say. */
export function wantsAccess(answer, operation) {
  return [401, 403].includes(answer.status) && operation.security.length > 0;
}

/** In place of what can not be shown before the API knows who calls. */
export function NeedsAccess({ operation, session, answer }) {
  const [kind] = operation.security.flatMap(Object.keys);
  if (kind === "api_key") {
    return html`<${Empty} icon="key" title=${session.key ? "The API key is not accepted" : "This needs an API key"}>
      <${KeyForm} session=${session} />
    <//>`;
  }
  if (kind === "iam") {
    return html`<${Empty} icon="key" title="This needs an AWS signature">
      <p>A page can not sign requests. Call it with a tool that does, such as <code>curl --aws-sigv4</code>.</p>
    <//>`;
  }
  if (answer.status === 403) {
    return html`<${Empty} icon="user" title="Your account may not do this"><p>${answer.problem.detail}</p><//>`;
  }
  return html`<${Empty} icon="user" title="Sign in to see this">
    <button type="button" class="button primary" onClick=${() => session.signIn()}>Sign in</button>
  <//>`;
}
