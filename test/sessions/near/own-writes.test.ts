/** A call that rejects may have run: before its caller knows of that, memory has forgotten what it could have changed. */
import { expect, it } from "vitest";
import type { SessionStore } from "../../../src/index.js";
import { doubting } from "../../../src/sessions/near/own-writes.js";

const TOKEN = `01M813ANQEZQQF0E0QPV2PHR92.${"A".repeat(43)}`;
const ID = TOKEN.slice(0, 26);

it.each<[string, (verbs: ReturnType<typeof doubting>) => Promise<unknown>, string]>([
  ["create for a user, which may have evicted another", (verbs) => verbs.create({ userId: "ada" }), "undefined ada"],
  ["updateClaims", (verbs) => verbs.updateClaims(TOKEN, {}), `${ID} undefined`],
  ["updateClaims by id", (verbs) => verbs.updateClaims(ID, {}), `${ID} undefined`],
  ["updateClaimsForUser", (verbs) => verbs.updateClaimsForUser("ada", {}), "undefined ada"],
  ["rotate", (verbs) => verbs.rotate(TOKEN), `${ID} undefined`],
  ["rotate for a user", (verbs) => verbs.rotate(TOKEN, { userId: "ada" }), `${ID} ada`],
  ["revoke", (verbs) => verbs.revoke(TOKEN), `${ID} undefined`],
  ["revoke of nothing", (verbs) => verbs.revoke(null), "undefined undefined"],
  ["revokeAllForUser", (verbs) => verbs.revokeAllForUser("ada"), "undefined ada"],
  ["blockUser", (verbs) => verbs.blockUser("ada"), "undefined ada"],
  ["revokeAll", (verbs) => verbs.revokeAll(), "all"],
])("%s", async (name, call, doubted) => {
  const error = new Error("no answer");
  const failing = new Proxy({}, { get: () => () => Promise.reject(error) }) as SessionStore;
  const told: string[] = [];
  const verbs = doubting(
    failing,
    (id, userId) => void told.push(`${id} ${userId}`),
    () => void told.push("all"),
  );
  const outcome = await call(verbs).catch((reason: unknown) => [reason, [...told]]);
  expect(outcome).toEqual([error, [doubted]]);

  told.length = 0;
  const working = new Proxy({}, { get: () => () => Promise.resolve("done") }) as SessionStore;
  const fine = doubting(
    working,
    (id, userId) => void told.push(`${id} ${userId}`),
    () => void told.push("all"),
  );
  // Of all sessions of a user another process may have ended some, of which this one has not heard.
  const isOfUser = name === "revokeAllForUser" || name === "blockUser";
  expect([await call(fine), told]).toEqual(["done", isOfUser ? [doubted] : []]);
});
