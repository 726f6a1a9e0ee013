/** What is given for a session id and is none: the session itself, say. It is refused before any I/O, not taken for a dead one. */
import { describe, expect, it } from "vitest";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";

const call = () => {
  throw new Error("Redis was asked");
};
const client = { evalsha: call, eval: call, get: call, scan: call, zscan: call, on: () => {} };
const options = { client: client as unknown as RedisStoreOptions["client"] };

const session = { cookie: { originalMaxAge: 1000, expires: new Date(Date.now() + 1000) }, id: "abc" };
const objects: [what: string, object: unknown, got: string][] = [
  ["a session", session, "an object"],
  ["null", null, "null"],
  ["an array", ["abc"], "an array"],
  ["a promise of an id", Promise.resolve("abc"), "an object"],
  ["a function", () => "abc", "a function"],
];

describe.each(objects)("%s for a session id", (_, object, got) => {
  const sid = object as string;
  const refusal = new TypeError(`A session id must be a string, got ${got}`);

  it("is refused by the store of express-session, by promise and by callback", async () => {
    for (const store of [new RedisStore(options), new RedisStore({ ...options, userId: () => "ada" })]) {
      await expect(store.get(sid)).rejects.toThrow(refusal);
      await expect(store.set(sid, session)).rejects.toThrow(refusal);
      await expect(store.touch(sid, session)).rejects.toThrow(refusal);
      await expect(store.destroy(sid)).rejects.toThrow(refusal);
      expect(await new Promise((resolve) => store.destroy(sid, resolve))).toEqual(refusal);
      expect(await new Promise((resolve) => store.get(sid, resolve))).toEqual(refusal);
    }
  });

  it("is refused by the store of koa-session", async () => {
    const store = new KoaRedisStore(options);
    await expect(store.get(sid)).rejects.toThrow(refusal);
    await expect(store.set(sid, session)).rejects.toThrow(refusal);
    await expect(store.destroy(sid)).rejects.toThrow(refusal);
  });
});

it("is what sparing a session takes, too: an object would spare none", async () => {
  const store = new RedisStore({ ...options, userId: () => "ada" });
  await expect(store.destroyAllForUser("ada", { except: session as never })).rejects.toThrow(
    new TypeError("except must be a string, got an object"),
  );
  await expect(store.destroyAllForUser(session as never)).rejects.toThrow(
    new TypeError("userId must be a string, got an object"),
  );
});
