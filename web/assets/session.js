// The caller: an API key, and a user (authorization code flow with PKCE). Both end with the tab.
import { html, useState } from "./vendor/htm-preact.js";
import { usesScheme } from "./model.js";
import { createStore, drafts, forgetPlaces, stopStoring } from "./place.js";
import { Button, Dialog, EmptyState, Field, Icon, IconButton, createListeners, inputAttributes, useChanges } from "./ui.js";

// If the API refuses a token younger than this, a new one would be refused too.
const FRESH_MS = 60_000;

const TOKEN_SCHEMES = ["cognito", "jwt"];

export function createSession(config) {
  const issuers = createIssuers(config);
  const store = createStore("sessionStorage", "trestle.");
  const callerListeners = createListeners();
  const changeListeners = createListeners();
  const signOutListeners = createListeners();
  const failureListeners = createListeners();
  // The user pool compares the URL literally, with its slash.
  const homeUrl = `${location.origin}/`;

  let key = store.get("key") ?? "";
  let tokens = store.get("tokens");
  let isExpired = false;
  let known = { access: undefined, claims: null };
  let lastScheme = Object.keys(issuers)[0];
  let renewal = null;
  let renewedAt = -Infinity;

  const bearer = () => `Bearer ${tokens.access}`;

  function storeTokens(answer, scheme, endpoints = null) {
    const { sub, scope, scp = "" } = claimsOf(answer.access_token);
    const isSameUser = tokens?.sub === sub && tokens.scheme === scheme;
    // Drafts of an ended session stay for the same user only.
    if (tokens && !isSameUser) {
      drafts.clear();
      forgetPlaces();
    }
    const kept = isSameUser ? tokens : {};
    const identity = answer.id_token ?? kept.identity;
    tokens = {
      access: answer.access_token,
      refresh: answer.refresh_token ?? kept.refresh,
      identity,
      scheme,
      endpoints,
      scopes: [scope ?? scp].flat().join(" ").split(" "),
      sub,
      user: userName(identity ?? answer.access_token),
    };
    isExpired = false;
    renewedAt = Date.now();
    store.set("tokens", tokens);
  }

  const isFor = (scheme) => TOKEN_SCHEMES.includes(scheme) && tokens && (tokens.scheme === null || tokens.scheme === scheme);

  function formBody(scheme, fields) {
    return new URLSearchParams({ client_id: issuers[scheme].clientId, ...fields });
  }

  async function requestTokens(scheme, endpoints, fields) {
    const response = await fetch(endpoints.token, {
      method: "POST",
      body: formBody(scheme, fields),
      credentials: "omit",
      cache: "no-store",
    });
    return response.ok ? response.json() : null;
  }

  async function renew() {
    const { scheme, endpoints, refresh } = tokens;
    let answer = null;
    try {
      answer = refresh && issuers[scheme] && (await requestTokens(scheme, endpoints, { grant_type: "refresh_token", refresh_token: refresh }));
    } catch {
      return false; // no connection: the session may still be valid
    }
    if (!tokens) return false; // signed out since then
    if (answer) {
      storeTokens(answer, scheme, endpoints);
    } else {
      isExpired = true;
      changeListeners.notify();
    }
    return Boolean(answer);
  }

  return {
    get key() {
      return key;
    },

    signIns(schemes = TOKEN_SCHEMES) {
      const named = Object.keys(issuers).length > 1;
      const here = TOKEN_SCHEMES.filter((scheme) => schemes.includes(scheme) && issuers[scheme]);
      return here.map((scheme) => ({ scheme, label: named ? `Sign in with ${issuers[scheme].name}` : "Sign in" }));
    },

    takesTokens: (schemes) => TOKEN_SCHEMES.some((scheme) => schemes.includes(scheme) && !issuers[scheme]),

    get scheme() {
      return tokens?.scheme ?? null;
    },

    get user() {
      return tokens?.user ?? null;
    },

    get isExpired() {
      return isExpired;
    },

    /** The same object for the same token. */
    get claims() {
      if (known.access !== tokens?.access) known = { access: tokens?.access, claims: tokens ? claimsOf(tokens.access) : null };
      return known.claims;
    },

    /** Returns false for an invalid key. */
    setKey(value) {
      const trimmed = value.trim();
      if (!/^[!-~]*$/.test(trimmed)) return false;
      key = trimmed;
      store.set("key", key || null);
      callerListeners.notify();
      changeListeners.notify();
      return true;
    },

    setToken(value) {
      const token = value.trim();
      try {
        if (!/^[\w-]+(\.[\w-]+){2}$/.test(token)) return false;
        storeTokens({ access_token: token }, null);
      } catch {
        return false; // three parts without claims
      }
      callerListeners.notify();
      changeListeners.notify();
      return true;
    },

    missingAccess(security) {
      for (const [scheme, scopes] of security.flatMap(Object.entries)) {
        if (scheme === "iam") return { kind: "signature", detail: "A web page cannot sign requests for AWS. Use a tool that can." };
        if (scheme === "api_key" && !key) return { kind: "key", detail: "Enter the API key in the sidebar first." };
        if (TOKEN_SCHEMES.includes(scheme) && (!isFor(scheme) || isExpired)) {
          return { kind: "user", detail: issuers[scheme] ? "Sign in first." : "Enter an access token first." };
        }
        if (scheme === "cognito" && scopes.length && !scopes.some((scope) => tokens.scopes.includes(scope))) {
          return { kind: "scope", detail: `This requires the scope ${scopes.join(" or ")}, which your sign-in does not have.` };
        }
      }
      return null;
    },

    headers(security) {
      const headers = {};
      for (const scheme of (security ?? []).flatMap(Object.keys)) {
        if (scheme === "api_key" && key) headers["x-api-key"] = key;
        if (isFor(scheme)) headers.authorization = bearer();
      }
      return headers;
    },

    /** Resolves to whether to retry. */
    async renewAfter401(authorization) {
      if (!authorization || !tokens) return false;
      if (authorization !== bearer()) return true;
      if (isExpired || Date.now() - renewedAt < FRESH_MS) return false;
      renewal ??= renew().finally(() => {
        renewal = null;
      });
      return renewal;
    },

    async signIn(scheme = tokens?.scheme ?? lastScheme) {
      lastScheme = scheme;
      const issuer = issuers[scheme];
      let endpoints = null;
      try {
        endpoints = await issuer.readEndpoints();
      } catch {
        failureListeners.notify(`The sign-in settings of ${issuer.name} cannot be read. Try again, or ask the operator of this API.`);
        return;
      }
      const [state, verifier] = [randomSecret(), randomSecret()];
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
      store.set("pending", { state, verifier, scheme, endpoints, hash: location.hash });
      const url = new URL(endpoints.authorization);
      const query = formBody(scheme, {
        response_type: "code",
        redirect_uri: homeUrl,
        scope: endpoints.scopes.join(" "),
        state,
        code_challenge: base64url(new Uint8Array(digest)),
        code_challenge_method: "S256",
        ...issuer.parameters,
      });
      for (const [name, value] of query) url.searchParams.set(name, value);
      location.assign(url.href);
    },

    /** Resolves to an error message, or null. */
    async completeSignIn() {
      const answer = new URLSearchParams(location.search);
      if (!answer.has("code") && !answer.has("error")) return null;
      const pending = store.get("pending");
      store.set("pending", null);
      history.replaceState(null, "", `${location.pathname}${pending?.hash ?? location.hash}`);
      if (Object.keys(issuers).length === 0) return null;
      const issuer = issuers[pending?.scheme];
      // A link with someone else's code would sign the user in to that account.
      if (!issuer || pending.state !== answer.get("state")) {
        return "This sign-in was not started in this tab, so it was ignored. Sign in from here.";
      }
      lastScheme = pending.scheme;
      // Another issuer's code (RFC 9207).
      if (answer.has("iss") && answer.get("iss") !== issuer.url) {
        return "Another issuer answered this sign-in, so it was ignored. Sign in again.";
      }
      if (answer.has("error")) {
        return `The sign-in failed: ${answer.get("error_description") ?? answer.get("error")}. Try again.`;
      }
      let received = null;
      try {
        received = await requestTokens(pending.scheme, pending.endpoints, {
          grant_type: "authorization_code",
          code: answer.get("code"),
          code_verifier: pending.verifier,
          redirect_uri: homeUrl,
        });
      } catch {
        return "The sign-in service could not be reached. Check the connection, then sign in again.";
      }
      if (!received) return "The sign-in was refused. It may have taken too long. Sign in again.";
      try {
        storeTokens(received, pending.scheme, pending.endpoints);
        return null;
      } catch {
        return `${issuer.name} issued an access token that this API cannot read. Its audience must be ${issuer.parameters.audience}.`;
      }
    },

    signOut() {
      signOutListeners.notify();
      const { refresh, scheme, endpoints } = tokens;
      const logout = issuers[scheme] && endpoints?.logout && new URL(endpoints.logout);
      const parameters = logout && formBody(scheme, issuers[scheme].logoutParameters(tokens, homeUrl));
      tokens = null;
      isExpired = false;
      key = "";
      forgetPlaces();
      stopStoring();
      callerListeners.notify();
      changeListeners.notify();
      // "Back" could restore this page with its content.
      addEventListener("pageshow", () => location.reload());
      if (refresh && endpoints?.revocation) {
        // Copies of the token stop working.
        fetch(endpoints.revocation, {
          method: "POST",
          body: formBody(scheme, { token: refresh }),
          credentials: "omit",
          keepalive: true,
        }).catch(() => {});
      }
      if (!logout) {
        location.reload();
        return;
      }
      for (const [name, value] of parameters) logout.searchParams.set(name, value);
      location.assign(logout.href);
    },

    onCallerChange: callerListeners.add,

    onChange: changeListeners.add,

    onSignInFailure: failureListeners.add,

    beforeSignOut: signOutListeners.add,
  };
}

function randomSecret() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// For display only: the signature is not checked.
function claimsOf(token) {
  const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
}

function userName(token) {
  const claims = claimsOf(token);
  return claims.email ?? claims["cognito:username"] ?? claims.preferred_username ?? claims.username ?? claims.name ?? claims.sub;
}

// --- issuers: the user pool, and an OpenID Connect issuer ---

/** url: null if responses do not name the issuer. */
function createIssuers({ sign_in: pool, jwt }) {
  return { ...(pool && { cognito: createPool(pool) }), ...(jwt && { jwt: createOpenId(jwt) }) };
}

function createPool({ domain, client_id: clientId, scopes }) {
  const endpoints = { scopes, logout: `${domain}/logout` };
  for (const [name, path] of Object.entries({ authorization: "authorize", token: "token", revocation: "revoke" })) {
    endpoints[name] = `${domain}/oauth2/${path}`;
  }
  return {
    name: "the user pool",
    clientId,
    url: null,
    parameters: {},
    readEndpoints: async () => endpoints,
    logoutParameters: (_, homeUrl) => ({ logout_uri: homeUrl }),
  };
}

function createOpenId({ issuer, client_id: clientId, scopes, audience }) {
  return {
    name: new URL(issuer).host,
    clientId,
    url: issuer,
    // Only Auth0 needs it.
    parameters: { audience },
    async readEndpoints() {
      const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, { credentials: "omit" });
      const found = await response.json();
      // Another issuer would receive the code.
      if (found.issuer !== issuer) throw new Error("another issuer");
      const isSafe = (url) => new URL(url).protocol === new URL(issuer).protocol;
      const [authorization, token] = [found.authorization_endpoint, found.token_endpoint];
      if (![authorization, token].every(isSafe)) throw new Error("insecure URL");
      const optional = [found.revocation_endpoint, found.end_session_endpoint];
      const [revocation, logout] = optional.map((url) => (url && isSafe(url) ? url : undefined));
      const offline = found.scopes_supported?.includes("offline_access") ? ["offline_access"] : [];
      return { authorization, token, revocation, logout, scopes: ["openid", "profile", "email", ...offline, ...scopes] };
    },
    logoutParameters: ({ identity }, homeUrl) => ({
      ...(identity && { id_token_hint: identity }),
      post_logout_redirect_uri: homeUrl,
    }),
  };
}

// --- keys and sign-in in the sidebar, and what views show without access ---

export function Access({ model, session }) {
  useChanges(session.onChange);
  const [open, setOpen] = useState(null);
  const { user, key, isExpired } = session;
  const schemes = ["cognito", "jwt"].filter((scheme) => usesScheme(model, scheme));
  const close = () => setOpen(null);
  return html`<div class="access">
    ${usesScheme(model, "api_key") && html`<button type="button" class="nav-item" onClick=${() => setOpen("key")}>
      <${Icon} name="key" />${key ? "API key set" : "Enter API key"}<span class=${key ? "dot on" : "dot"}></span>
    </button>`}
    ${!user && session.signIns().map(({ scheme, label }) => html`<button type="button" class="nav-item" key=${scheme}
      onClick=${() => session.signIn(scheme)}>
      <${Icon} name="user" />${label}
    </button>`)}
    ${(!user || (isExpired && !session.scheme)) && session.takesTokens(schemes) && html`<button type="button"
      class="nav-item" onClick=${() => setOpen("token")}>
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

export function KeyForm({ session, onDone, id = "api-key", children }) {
  const fault = "A key contains only ASCII characters, and no spaces";
  return html`<${SecretForm} id=${id} label="API key" button="Use this key" initial=${session.key} fault=${fault}
    onUse=${session.setKey} onDone=${onDone}>${children}<//>`;
}

function TokenForm({ session, onDone, id = "access-token" }) {
  const fault = "An access token has three parts, separated by dots";
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
  const hint = "Kept until you close this tab.";
  return html`<form class="key-form" onSubmit=${save}>
    <${Field} id=${id} label=${label} hint=${hint} faults=${faults}>
      <input ...${inputAttributes(id, hint, faults)} type="password" autocomplete="off" spellcheck=${false}
        value=${secret} onInput=${onInput} />
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
    return html`<${EmptyState} icon="key" title="This requires an AWS signature">
      <p>A web page cannot sign requests. Send them to the API's own address (the Terraform output api_url) with a tool that can, such as
        <code>curl --aws-sigv4</code>.</p>
    <//>`;
  }
  if (operation.security.some((scheme) => Object.hasOwn(scheme, "api_key"))) {
    return html`<${EmptyState} icon="key" title=${missing ? "This requires an API key" : "The API key is not accepted"}>
      <${KeyForm} session=${session} />
    <//>`;
  }
  if (missing?.kind === "scope" || answer.status === 403) {
    return html`<${EmptyState} icon="user" title="Your account has no access"><p>${answer.problem.detail}</p><//>`;
  }
  const signIns = session.signIns(operation.security.flatMap(Object.keys));
  if (signIns.length === 0) {
    return html`<${EmptyState} icon="user"
      title=${missing ? "This requires an access token" : "The access token is not accepted"}>
      <${TokenForm} session=${session} />
    <//>`;
  }
  return html`<${EmptyState} icon="user" title=${missing ? "Sign in to see this" : "Your sign-in is not accepted"}>
    ${signIns.map(({ scheme, label }) => html`<${Button} kind="button primary" key=${scheme}
      onClick=${() => session.signIn(scheme)}>${label}<//>`)}
  <//>`;
}
