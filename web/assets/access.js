// Who calls: keys and sign-in in the sidebar, and what views show without access.
import { html, useState } from "./vendor/htm-preact.js";
import { usesScheme } from "./model.js";
import { Button, Dialog, EmptyState, Field, Icon, IconButton, inputAttributes, useSession } from "./ui.js";

export function Access({ model, session }) {
  useSession(session);
  const [open, setOpen] = useState(null);
  const { user, key, isExpired } = session;
  const schemes = ["cognito", "jwt"].filter((scheme) => usesScheme(model, scheme));
  const close = () => setOpen(null);
  return html`<div class="access">
    ${usesScheme(model, "api_key") && html`<button type="button" class="nav-item" onClick=${() => setOpen("key")}>
      <${Icon} name="key" />${key ? "API key set" : "Enter API key"}<span class=${key ? "dot on" : "dot"}></span>
    </button>`}
    ${!user && session.signIns().map(({ scheme, label }) => html`<button type="button" class="nav-item" key=${scheme} onClick=${() => session.signIn(scheme)}>
      <${Icon} name="user" />${label}
    </button>`)}
    ${(!user || (isExpired && !session.scheme)) && session.takesTokens(schemes) && html`<button type="button" class="nav-item" onClick=${() => setOpen("token")}>
      <${Icon} name="user" />Enter access token
    </button>`}
    ${user && html`<div class="nav-item who"><${Icon} name="user" /><span>${user}</span>
      <${IconButton} icon="out" label="Sign out" onClick=${() => session.signOut()} />
    </div>`}
    ${open === "key" && html`<${KeyDialog} session=${session} onClose=${close} />`}
    ${open === "token" && html`<${Dialog} title="Access token" onClose=${close}>
      <${TokenForm} id="access-token-here" session=${session} onDone=${close} />
    <//>`}
  </div>`;
}

function KeyDialog({ session, onClose }) {
  const forget = () => {
    session.setKey("");
    onClose();
  };
  return html`<${Dialog} title="API key" onClose=${onClose}>
    <${KeyForm} id="api-key-here" session=${session} onDone=${onClose}>
      ${session.key && html`<${Button} onClick=${forget}>Forget the key<//>`}
    <//>
  <//>`;
}

/** id: the view and the dialog can be open at once. */
export function KeyForm({ session, onDone, id = "api-key", children }) {
  const fault = "A key contains only ASCII characters, and no spaces";
  return html`<${SecretForm} id=${id} label="API key" button="Use this key" initial=${session.key} fault=${fault}
    onUse=${session.setKey} onDone=${onDone}>${children}<//>`;
}

function TokenForm({ session, onDone, id = "access-token" }) {
  const fault = "An access token has three parts, with dots between them";
  return html`<${SecretForm} id=${id} label="Access token" button="Use this token" initial="" fault=${fault}
    onUse=${session.setToken} onDone=${onDone} />`;
}

// onUse returns whether it accepts the text.
function SecretForm({ id, label, button, initial, fault, onUse, onDone, children }) {
  const [secret, setSecret] = useState(initial);
  const [faults, setFaults] = useState([]);
  const save = (event) => {
    event.preventDefault();
    if (onUse(secret)) onDone?.();
    else setFaults([fault]);
  };
  const onInput = (event) => {
    setSecret(event.target.value);
    setFaults([]);
  };
  const hint = "It is kept in this tab until you close it.";
  return html`<form class="key-form" onSubmit=${save}>
    <${Field} id=${id} label=${label} hint=${hint} faults=${faults}>
      <input ...${inputAttributes(id, hint, faults)} type="password" autocomplete="off" spellcheck=${false} value=${secret} onInput=${onInput} />
    <//>
    <div class="buttons">${children}<button class="button primary" disabled=${!secret.trim()}>${button}</button></div>
  </form>`;
}

export function accessLabel({ security }) {
  const [[kind, scopes] = []] = security.flatMap(Object.entries);
  const labels = new Map([[undefined, "Open to anyone"], ["cognito", "Signed-in users"], ["iam", "AWS signature"], ["jwt", "Access token"]]);
  const label = labels.get(kind) ?? "API key";
  return scopes?.length ? `${label}, scope ${scopes.join(" or ")}` : label;
}

export function isAccessDenied(answer, operation) {
  return [401, 403].includes(answer.status) && operation.security.length > 0;
}

export function NeedsAccess({ operation, session, answer }) {
  const missing = session.missingAccess(operation.security);
  if (missing?.kind === "signature") {
    return html`<${EmptyState} icon="key" title="This needs an AWS signature">
      <p>A web page cannot sign requests. Send them to the API's own address (the Terraform output api_url) with a tool that can, such as
        <code>curl --aws-sigv4</code>.</p>
    <//>`;
  }
  if (operation.security.some((scheme) => Object.hasOwn(scheme, "api_key"))) {
    return html`<${EmptyState} icon="key" title=${missing ? "This needs an API key" : "The API key is not accepted"}>
      <${KeyForm} session=${session} />
    <//>`;
  }
  if (missing?.kind === "scope" || answer.status === 403) {
    return html`<${EmptyState} icon="user" title="Your account may not do this"><p>${answer.problem.detail}</p><//>`;
  }
  const signIns = session.signIns(operation.security.flatMap(Object.keys));
  if (signIns.length === 0) {
    return html`<${EmptyState} icon="user" title=${missing ? "This needs an access token" : "The access token is not accepted"}>
      <${TokenForm} session=${session} />
    <//>`;
  }
  return html`<${EmptyState} icon="user" title=${missing ? "Sign in to see this" : "Your sign-in is not accepted"}>
    ${signIns.map(({ scheme, label }) => html`<${Button} kind="button primary" key=${scheme} onClick=${() => session.signIn(scheme)}>${label}<//>`)}
  <//>`;
}
