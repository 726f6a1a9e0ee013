/** A client that gives two calls of a drop-in store the replies of each other: nobody gets the session of somebody else. */
import { afterAll, expect, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type SessionRecord } from "../../src/express-session.js";
import { StoreUnavailableError } from "../../src/index.js";
import { rejection } from "../fixtures/every-verb.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { swappingReplies } from "../harness/swapped-replies.js";

const redis = connect();
const prefix = uniquePrefix();
const userId = (session: SessionRecord) => session["user"] as string | undefined;
const cookie = (maxAge = 60_000) => ({ originalMaxAge: maxAge, expires: new Date(Date.now() + maxAge) });
const direct = new RedisStore({ client: redis, prefix, userId });
afterAll(async () => direct.clear());

type Call = (store: RedisStore, sid: string) => Promise<unknown>;
const changed = async (store: RedisStore, sid: string, change: object) =>
  Object.assign((await store.get(sid)) ?? {}, change);

/** By the name of a script: what runs it, on a session of `sid`, and whether the store has an index of users. */
const calls: Record<keyof typeof dropInScripts, readonly [indexed: boolean, call: Call]> = {
  create: [false, (store, sid) => store.set(`${sid} new`, { cookie: cookie() })],
  read: [false, (store, sid) => store.get(sid)],
  replace: [false, async (store, sid) => store.set(sid, await changed(store, sid, { seen: 1 }))],
  touch: [false, async (store, sid) => store.touch(sid, await changed(store, sid, { cookie: cookie(90_000) }))],
  remove: [false, (store, sid) => store.destroy(sid)],
  enlist: [true, (store, sid) => store.set(`${sid} new`, { cookie: cookie(), user: sid })],
  members: [true, (store, sid) => store.listForUser(sid)],
  strike: [true, (store, sid) => store.destroy(sid)],
};

it.each(Object.entries(calls))(
  "%s gives none of two sessions the reply to the other",
  async (name, [indexed, call]) => {
    const { sha } = dropInScripts[name as keyof typeof dropInScripts];
    const sids = [`${name} one`, `${name} other`];
    for (const sid of sids) await direct.set(sid, { cookie: cookie(), user: sid });
    await redis.script("LOAD", dropInScripts[name as keyof typeof dropInScripts].source);
    const client = swappingReplies(connect(), (script) => script === sha);
    const store = new RedisStore({ client, prefix, ...(indexed ? { userId } : {}) });
    const outcomes = sids.map((sid) => rejection(call(store, sid)));
    for (const error of await Promise.all(outcomes)) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error.message).toContain("the reply to another one");
    }
  },
);

it("destroyAllForUser does not take the reply to another read for the end of a session", async () => {
  const plain = { client: redis, prefix, userId, disableTouch: true };
  for (const sid of ["a", "b"]) await direct.set(sid, { cookie: cookie(), user: sid });
  const mixed = new RedisStore({
    ...plain,
    client: swappingReplies(connect(), (sha) => sha === dropInScripts.read.sha),
  });
  const outcomes = ["a", "b"].map((user) => rejection(mixed.destroyAllForUser(user)));
  for (const error of await Promise.all(outcomes)) expect(error).toBeInstanceOf(StoreUnavailableError);
});

it("clear rejects with a page of another search, and deletes nothing of it", async () => {
  const other = uniquePrefix();
  await redis.set(`${other}key`, "value");
  const client = Object.assign(Object.create(redis), { scan: async () => ["0", [`${other}key`]] }) as typeof redis;
  const error = await rejection(new RedisStore({ client, prefix }).clear());
  expect(error.message).toContain("the reply to another one");
  expect(await redis.get(`${other}key`)).toBe("value");
  await redis.del(`${other}key`);
});
