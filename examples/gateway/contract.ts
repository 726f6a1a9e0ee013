/** What the gateway and the services behind it have agreed on: who signs tokens, with which key, and for whom. */

/** Who signs, and whom session JWTs are for. */
export const ISSUER = "https://gateway.example";
/** Whom the tokens for the notes are for. */
export const NOTES = "https://notes.example";
/** The name of the key, and its algorithm: a service has the public half, and can sign nothing. */
export const KEY = { kid: "gateway-2026", alg: "ES256" } as const;
