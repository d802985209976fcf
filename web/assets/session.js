// Who calls the API: a key that was typed in, and a user who signed in by the code flow with PKCE (RFC 7636). All of it is in
// sessionStorage, so it ends with the tab, and no other tab has it.
import { discardDrafts, stopSavingDrafts } from "./drafts.js";

const KEY_ITEM = "trestle.key";
const TOKENS_ITEM = "trestle.tokens";
const PENDING_ITEM = "trestle.pending";

// A token younger than this has not run out: where it is refused, the next one would be, too.
const FRESH_MS = 60_000; // milliseconds

/**
 * @param {{sign_in: {domain: string, client_id: string, scopes: string[]} | null}} config the stack's, out of config.json
 */
export function createSession(config) {
  const signInConfig = config.sign_in;
  const store = createStore();
  // Those who read anew for another caller, those who show who calls, and those who have something to send before a user goes.
  const callerListeners = new Set();
  const changeListeners = new Set();
  const signOutListeners = new Set();
  // With the slash, as the user pool has it: it compares letter by letter.
  const homeUrl = `${location.origin}/`;

  let key = store.get(KEY_ITEM) ?? "";
  let tokens = store.get(TOKENS_ITEM);
  let isExpired = false;
  let known = { access: undefined, claims: null };
  let renewal = null;
  let renewedAt = -Infinity;

  function notify(...groups) {
    for (const listener of groups.flatMap((listeners) => [...listeners])) listener();
  }

  const bearer = () => `Bearer ${tokens.access}`;

  function storeTokens(answer) {
    const { sub, scope = "" } = claimsOf(answer.access_token);
    // A session that has ended leaves its drafts to the same user alone.
    if (tokens && tokens.sub !== sub) discardDrafts();
    tokens = {
      access: answer.access_token,
      refresh: answer.refresh_token ?? tokens?.refresh,
      scopes: scope.split(" "),
      sub,
      user: userName(answer.id_token ?? answer.access_token),
    };
    isExpired = false;
    renewedAt = Date.now();
    store.set(TOKENS_ITEM, tokens);
  }

  function formBody(fields) {
    return new URLSearchParams({ client_id: signInConfig.client_id, ...fields });
  }

  async function requestTokens(fields) {
    const response = await fetch(`${signInConfig.domain}/oauth2/token`, {
      method: "POST",
      body: formBody(fields),
      credentials: "omit",
      cache: "no-store",
    });
    return response.ok ? response.json() : null;
  }

  async function renew() {
    let answer = null;
    try {
      answer = tokens.refresh && (await requestTokens({ grant_type: "refresh_token", refresh_token: tokens.refresh }));
    } catch {
      return false; // not reached: the session may well be good
    }
    if (!tokens) return false; // signed out meanwhile
    if (answer) {
      storeTokens(answer);
    } else {
      isExpired = true;
      notify(changeListeners);
    }
    return Boolean(answer);
  }

  return {
    get key() {
      return key;
    },

    /** Whether there is a page to sign in at: the console has none at a user pool that was there before. */
    get canSignIn() {
      return Boolean(signInConfig);
    },

    /** What to call the user who signed in, else null. */
    get user() {
      return tokens?.user ?? null;
    },

    /** Whether the API has stopped taking the user's tokens, and no new ones are to be had. */
    get isExpired() {
      return isExpired;
    },

    /** What the user's access token says, null without one. The same object while the token is the same. */
    get claims() {
      if (known.access !== tokens?.access) known = { access: tokens?.access, claims: tokens ? claimsOf(tokens.access) : null };
      return known.claims;
    },

    /** Use another API key, or none for "". Returns false for text that cannot be one. */
    setKey(value) {
      const trimmed = value.trim();
      if (!/^[!-~]*$/.test(trimmed)) return false;
      key = trimmed;
      if (key) store.set(KEY_ITEM, key);
      else store.delete(KEY_ITEM);
      notify(callerListeners, changeListeners);
      return true;
    },

    /** Use an access token that was got elsewhere. Returns false for text that is none. */
    setToken(value) {
      const token = value.trim();
      try {
        if (!/^[\w-]+(\.[\w-]+){2}$/.test(token)) return false;
        storeTokens({ access_token: token });
      } catch {
        return false; // three parts, but no claims in them
      }
      notify(callerListeners, changeListeners);
      return true;
    },

    /** What is missing for a call, by an operation's `security`: {kind, detail}, or null. */
    missingAccess(security) {
      for (const [scheme, scopes] of security.flatMap(Object.entries)) {
        if (scheme === "iam") return { kind: "signature", detail: "A page can not sign requests for AWS: send it with a tool that does." };
        if (scheme === "api_key" && !key) return { kind: "key", detail: "Enter the API key in the side bar first." };
        if (scheme === "cognito" && (!tokens || isExpired)) {
          return { kind: "user", detail: signInConfig ? "Sign in first." : "Enter an access token first." };
        }
        if (scheme === "cognito" && scopes.length && !scopes.some((scope) => tokens.scopes.includes(scope))) {
          return { kind: "scope", detail: `This asks for the scope ${scopes.join(" or ")}, which your sign-in does not have.` };
        }
      }
      return null;
    },

    /** The headers that say who calls, by an operation's `security` in the document. */
    headers(security) {
      const headers = {};
      for (const scheme of (security ?? []).flatMap(Object.keys)) {
        if (scheme === "api_key" && key) headers["x-api-key"] = key;
        if (scheme === "cognito" && tokens) headers.authorization = bearer();
      }
      return headers;
    },

    /** Told of a 401 and of the Authorization it was for: renew the token. Resolves to whether asking again is worth it. */
    async renewAfter401(authorization) {
      if (!authorization || !tokens) return false;
      if (authorization !== bearer()) return true; // there is a new one already
      if (isExpired || Date.now() - renewedAt < FRESH_MS) return false;
      renewal ??= renew().finally(() => {
        renewal = null;
      });
      return renewal;
    },

    /** Leave for the user pool's page; `completeSignIn` takes up from where it comes back to. */
    async signIn() {
      const [state, verifier] = [randomSecret(), randomSecret()];
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
      store.set(PENDING_ITEM, { state, verifier, hash: location.hash });
      const query = formBody({
        response_type: "code",
        redirect_uri: homeUrl,
        scope: signInConfig.scopes.join(" "),
        state,
        code_challenge: base64url(new Uint8Array(digest)),
        code_challenge_method: "S256",
      });
      location.assign(`${signInConfig.domain}/oauth2/authorize?${query}`);
    },

    /**
     * Come back from the user pool's page, before the page is drawn: trade the code for tokens and return to where the user
     * was. Resolves to why that failed, as a sentence, or to null.
     */
    async completeSignIn() {
      const answer = new URLSearchParams(location.search);
      if (!answer.has("code") && !answer.has("error")) return null;
      const pending = store.get(PENDING_ITEM);
      store.delete(PENDING_ITEM);
      // The code is used up, and the address may be copied.
      history.replaceState(null, "", `${location.pathname}${pending?.hash ?? location.hash}`);
      if (!signInConfig) return null;
      // Whoever sends somebody a link with a code of their own would have them work in the sender's account.
      if (!pending || pending.state !== answer.get("state")) {
        return "This sign-in was not begun in this tab, so it was left aside. Sign in from here.";
      }
      if (answer.has("error")) {
        return `The sign-in failed: ${answer.get("error_description") ?? answer.get("error")}. Try again.`;
      }
      try {
        const received = await requestTokens({
          grant_type: "authorization_code",
          code: answer.get("code"),
          code_verifier: pending.verifier,
          redirect_uri: homeUrl,
        });
        if (!received) return "The sign-in was refused, as it is when it took too long. Sign in again.";
        storeTokens(received);
        return null;
      } catch {
        return "The sign-in page could not be reached. Check the connection, then sign in again.";
      }
    },

    /** End the session here and at the user pool: who sits here next finds no key and no draft. */
    signOut() {
      notify(signOutListeners);
      const { refresh } = tokens;
      tokens = null;
      isExpired = false;
      key = "";
      stopSavingDrafts();
      store.clear();
      notify(callerListeners, changeListeners);
      // "Back" can bring this very page again, with what was read and typed in it.
      addEventListener("pageshow", () => location.reload());
      if (!signInConfig) {
        location.reload();
        return;
      }
      if (refresh) {
        // What was copied from here ends as well. The page does not wait for it.
        fetch(`${signInConfig.domain}/oauth2/revoke`, {
          method: "POST",
          body: formBody({ token: refresh }),
          credentials: "omit",
          keepalive: true,
        }).catch(() => {});
      }
      location.assign(`${signInConfig.domain}/logout?${formBody({ logout_uri: homeUrl })}`);
    },

    /** Call `listener` when another caller is there, by key or user: what was read was for the last one. Returns how to stop it. */
    onCallerChange: (listener) => addListener(callerListeners, listener),

    /** Call `listener` after every change that can be shown, the end of a session as well. Returns how to stop it. */
    onChange: (listener) => addListener(changeListeners, listener),

    /** Call `listener` when the user signs out, while requests still say who calls. Returns how to stop it. */
    beforeSignOut: (listener) => addListener(signOutListeners, listener),
  };
}

function addListener(listeners, listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Where a browser refuses storage to a page, a session lasts as long as the page does.
function createStore() {
  let storage = null;
  try {
    storage = window.sessionStorage;
  } catch {
    // refused
  }
  const memory = new Map();
  return {
    get(name) {
      const text = storage ? storage.getItem(name) : memory.get(name);
      return text ? JSON.parse(text) : null;
    },
    set(name, value) {
      if (storage) storage.setItem(name, JSON.stringify(value));
      else memory.set(name, JSON.stringify(value));
    },
    delete(name) {
      if (storage) storage.removeItem(name);
      else memory.delete(name);
    },
    clear() {
      if (storage) storage.clear();
      else memory.clear();
    },
  };
}

function randomSecret() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Not to be trusted, only shown and gone by. It came from the user pool itself, so nobody has to check its signature.
function claimsOf(token) {
  const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
}

function userName(token) {
  const claims = claimsOf(token);
  return claims.email ?? claims["cognito:username"] ?? claims.username ?? claims.sub;
}
