/** What the shop and its warehouse have agreed on: who signs tokens, for whom, what they may allow, and what is reserved. */

/** Who signs. */
export const ISSUER = "https://shop.example";
/** Whom the tokens are for. */
export const AUDIENCE = "https://warehouse.example";
/** The name of the key, and its algorithm: who holds the public half can verify, and sign nothing. */
export const KEY = { kid: "shop-2026", alg: "ES256" } as const;

/** What a token allows: to reserve and to put back, or to look. */
export type Scope = "reserve" | "read";

/** How many of each product, by its id. */
export type Goods = Readonly<Record<string, number>>;
