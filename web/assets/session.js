// Who calls the API: a key that was typed in, and a user who signed in by the code flow with PKCE (RFC 7636). All of it is in
// sessionStorage, so it ends with the tab, and no other tab has it.

const KEY = "trestle.key";
const TOKENS = "trestle.tokens";
const PENDING = "trestle.pending";

/**
 * @param {{sign_in: {domain: string, client_id: string, scopes: string[]} | null}} config the stack's, out of config.json
 */
export function createSession(config) {
  const asked = config.sign_in;
  const store = createStore();
  const listeners = new Set();
  // With the slash, as the user pool has it: it compares letter by letter.
  const home = `${location.origin}/`;

  let key = store.get(KEY) ?? "";
  let tokens = store.get(TOKENS);
  let isExpired = false;
  let renewal = null;

  function tell() {
    for (const listener of [...listeners]) listener();
  }

  function keep(answer) {
    tokens = {
      access: answer.access_token,
      refresh: answer.refresh_token ?? tokens?.refresh,
      user: nameIn(answer.id_token ?? answer.access_token),
    };
    isExpired = false;
    store.set(TOKENS, tokens);
    tell();
  }

  function form(fields) {
    return new URLSearchParams({ client_id: asked.client_id, ...fields });
  }

  async function token(fields) {
    const response = await fetch(`${asked.domain}/oauth2/token`, {
      method: "POST",
      body: form(fields),
      credentials: "omit",
      cache: "no-store",
    });
    return response.ok ? response.json() : null;
  }

  async function renew() {
    if (!tokens) return false;
    let answer = null;
    try {
      answer = tokens.refresh && (await token({ grant_type: "refresh_token", refresh_token: tokens.refresh }));
    } catch {
      return false; // not reached: the session may well be good
    }
    if (answer) {
      keep(answer);
    } else {
      isExpired = true;
      tell();
    }
    return Boolean(answer);
  }

  return {
    get key() {
      return key;
    },

    /** What to call the user who signed in, else null. */
    get user() {
      return tokens?.user ?? null;
    },

    /** Whether the API has stopped taking the user's tokens, and no new ones are to be had. */
    get isExpired() {
      return isExpired;
    },

    /** Use another API key, or none for "". Returns false for text that cannot be one. */
    setKey(value) {
      const trimmed = value.trim();
      if (!/^[!-~]*$/.test(trimmed)) return false;
      key = trimmed;
      if (key) store.set(KEY, key);
      else store.delete(KEY);
      tell();
      return true;
    },

    /** The headers that say who calls, by an operation's `security` in the document. */
    headers(security) {
      const headers = {};
      for (const scheme of (security ?? []).flatMap(Object.keys)) {
        if (scheme === "api_key" && key) headers["x-api-key"] = key;
        if (scheme === "cognito" && tokens) headers.authorization = `Bearer ${tokens.access}`;
      }
      return headers;
    },

    /** Told of a 401: renew the access token. Resolves to whether asking again is worth it. */
    expired() {
      renewal ??= renew().finally(() => {
        renewal = null;
      });
      return renewal;
    },

    /** Leave for the user pool's page; `complete` takes up from where it comes back to. */
    async signIn() {
      const [state, verifier] = [secret(), secret()];
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
      store.set(PENDING, { state, verifier, hash: location.hash });
      const query = form({
        response_type: "code",
        redirect_uri: home,
        scope: asked.scopes.join(" "),
        state,
        code_challenge: base64url(new Uint8Array(digest)),
        code_challenge_method: "S256",
      });
      location.assign(`${asked.domain}/oauth2/authorize?${query}`);
    },

    /**
     * Come back from the user pool's page, before the page is drawn: trade the code for tokens and return to where the user
     * was. Resolves to why that failed, as a sentence, or to null.
     */
    async complete() {
      const answer = new URLSearchParams(location.search);
      if (!answer.has("code") && !answer.has("error")) return null;
      const pending = store.get(PENDING);
      store.delete(PENDING);
      // The code is used up, and the address may be copied.
      history.replaceState(null, "", `${location.pathname}${pending?.hash ?? location.hash}`);
      if (!asked) return null;
      // Whoever sends somebody a link with a code of their own would have them work in the sender's account.
      if (!pending || pending.state !== answer.get("state")) {
        return "This sign-in was not begun in this tab, so it was left aside. Sign in from here.";
      }
      if (answer.has("error")) {
        return `The sign-in failed: ${answer.get("error_description") ?? answer.get("error")}. Try again.`;
      }
      try {
        const given = await token({
          grant_type: "authorization_code",
          code: answer.get("code"),
          code_verifier: pending.verifier,
          redirect_uri: home,
        });
        if (!given) return "The sign-in was refused, as it is when it took too long. Sign in again.";
        keep(given);
        return null;
      } catch {
        return "The sign-in page could not be reached. Check the connection, then sign in again.";
      }
    },

    /** End the session here and at the user pool: who sits here next finds no key and no draft. */
    signOut() {
      const refresh = tokens?.refresh;
      tokens = null;
      isExpired = false;
      key = "";
      store.clear();
      tell();
      if (refresh) {
        // What was copied from here ends as well. The page does not wait for it.
        fetch(`${asked.domain}/oauth2/revoke`, {
          method: "POST",
          body: form({ token: refresh }),
          credentials: "omit",
          keepalive: true,
        }).catch(() => {});
      }
      location.assign(`${asked.domain}/logout?${form({ logout_uri: home })}`);
    },

    /** Call `listener` after every change. Returns how to stop it. */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
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

function secret() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Only to be shown. It came from the user pool itself, so nobody has to check its signature.
function nameIn(token) {
  const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  return claims.email ?? claims["cognito:username"] ?? claims.username ?? claims.sub;
}
