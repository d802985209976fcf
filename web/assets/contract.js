// What the page knows of items beyond the API's OpenAPI document. A test holds it equal to contract/.

// The properties that are the server's own: forms do not offer them, and a body that repeats them says nothing.
export const SERVERS_OWN = ["id", "createdAt", "updatedAt", "version"];

// How deep objects and arrays may be nested.
export const MAX_DEPTH = 32;

// How many significant digits a number may have.
export const MAX_DIGITS = 38;
