/** The store of the application, with the registered claims, and with a schema that gives the same. */
import { createSessionStore, type SessionStore } from "coatcheck";
import type { RegisteredClaims } from "coatcheck/http";
import { Redis } from "ioredis";
import { z } from "zod";
import { same } from "./claims.js";

export const store = createSessionStore<RegisteredClaims>(new Redis());

export const strict = createSessionStore(new Redis(), {
  claims: z.object({
    role: z.enum(["member", "admin"]),
    cart: z.array(z.string()),
    premium: z.boolean().exactOptional(),
  }),
});
export const accepted: SessionStore<RegisteredClaims> = strict;

/** What another application calls its claims is of no use to this one. */
export const foreign = createSessionStore<{ colour: string }>(new Redis());

same<Awaited<ReturnType<typeof store.create>>["session"]["claims"]["role"], "member" | "admin">(true);
