// What the page knows of items beyond the OpenAPI document. A test compares it with contract/.

// Properties that the server sets. The API ignores them in a body.
export const SERVERS_OWN = ["id", "createdAt", "updatedAt", "version"];

export const MAX_DEPTH = 32;

export const MAX_DIGITS = 38;
