// What says who calls, in commands and code samples. They go into chats and histories: variables stand in for what is secret.
const CREDENTIALS = {
  api_key: { name: "x-api-key", prefix: "", variable: "API_KEY" },
  cognito: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
  jwt: { name: "authorization", prefix: "Bearer ", variable: "TOKEN" },
};

/** The headers that an operation's `security` asks for: {name, prefix, variable}; the variable follows the prefix in the value. */
export function secretsOf(security) {
  return security.flatMap(Object.keys).flatMap((scheme) => (Object.hasOwn(CREDENTIALS, scheme) ? [CREDENTIALS[scheme]] : []));
}

/** Whether a header says who calls. */
export function isSecretHeader(name) {
  return Object.values(CREDENTIALS).some((credential) => credential.name === name.toLowerCase());
}
