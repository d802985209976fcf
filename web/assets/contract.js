// Shared with the API: a test compares it with contract/.

export const SERVERS_OWN = ["id", "createdAt", "updatedAt", "version"];

export const MAX_DEPTH = 32;

export const MAX_DIGITS = 38;
