// Where users sign in: the API's user pool, and the issuer of OpenID Connect whose tokens it takes as well.

/**
 * The issuers that the page is a client of, by security scheme: {name, clientId, url (null if answers do not name it), parameters,
 * readEndpoints, logoutParameters}. Endpoints: {authorization, token, revocation?, logout?, scopes}. Takes config.json.
 */
export function createIssuers({ sign_in: pool, jwt }) {
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
      // Another issuer's would get the user's code.
      if (found.issuer !== issuer) throw new Error("another issuer");
      const isSafe = (url) => new URL(url).protocol === new URL(issuer).protocol;
      const [authorization, token] = [found.authorization_endpoint, found.token_endpoint];
      if (![authorization, token].every(isSafe)) throw new Error("in the clear");
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
