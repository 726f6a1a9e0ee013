/**
 * A client that gives two calls the replies of each other: nobody gets the session of somebody else, nobody is logged out, and no
 * revocation takes that of another session for its own.
 */
import type { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { everyVerb, liveSubject, rejection } from "../fixtures/every-verb.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { swappingReplies } from "../harness/swapped-replies.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, endings: 60_000 });

interface Subject {
  readonly token: string;
  readonly id: string;
}

const live = async (): Promise<Subject> => {
  const { token, session } = await store.create({ userId: "ada" });
  return { token, id: session.id };
};
const ended = async (): Promise<Subject> => {
  const subject = await live();
  await store.revoke(subject.token);
  return subject;
};
const impostor = async (): Promise<Subject> => {
  const { token, id } = await live();
  return { token: token.slice(0, 27) + (await live()).token.slice(27), id };
};

type Look = (store: SessionStore, subject: Subject) => Promise<unknown>;
const looks: [verb: string, look: Look][] = [
  ["get", (own, { token }) => own.get(token)],
  ["touch", (own, { token }) => own.touch(token)],
  ["explain", (own, { token }) => own.explain(token)],
  ["find", (own, { id }) => own.find(id)],
];
const others: [whose: string, make: () => Promise<Subject>][] = [
  ["of another session", live],
  ["of a session that has ended", ended],
  ["of a token whose secret does not match", impostor],
];

it.each(looks.flatMap(([verb, look]) => others.map(([whose, make]) => [verb, whose, look, make] as const)))(
  "%s rejects with the reply %s, and so does the other call with its reply",
  async (_, __, look, make) => {
    for (const endings of [0, 60_000]) {
      const [one, other] = [await live(), await make()];
      // So that Redis knows the scripts.
      const known = await look(store, one);
      await Promise.allSettled([store.get(one.token), store.touch(one.token), store.explain(one.token)]);
      const mixed = createSessionStore(swappingReplies(connect()), { prefix, endings });
      const calls = [look(mixed, one), look(mixed, other)];
      for (const error of await Promise.all(calls.map(rejection))) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error.message).toContain("the reply to another one");
        expect(error.message).not.toContain(one.token.slice(27));
      }
      // Nothing of that stays: the replies that come now are its own.
      expect(await look(mixed, one)).toMatchObject(known as object);
    }
  },
);

it("a token whose secret does not match never gets the session of its id that another call reads", async () => {
  const one = await live();
  const thief = { id: one.id, token: one.token.slice(0, 27) + (await live()).token.slice(27) };
  await store.get(one.token);
  const mixed = createSessionStore(swappingReplies(connect()), { prefix });
  const calls = [mixed.get(one.token), mixed.get(thief.token)];
  for (const error of await Promise.all(calls.map(rejection))) expect(error).toBeInstanceOf(StoreUnavailableError);
});

const { check: _, revokeAll: __, ...verbs } = everyVerb;
/** The verbs whose replies have different forms: a script takes long on ioredis-mock. */
const SOME = ["create for a user", "updateClaims with a patch", "rotate", "revoke", "listForUser"];
const mocked = Object.fromEntries(SOME.map((name) => [name, verbs[name] ?? expect.fail()]));
const mock = new RedisMock({ port: 1 }) as unknown as Redis;
afterFile(() => mock.disconnect());

describe.each([
  ["on Redis", redis, verbs],
  ["on ioredis-mock", mock, mocked],
] as const)("%s", (_, client, table) => {
  const direct = createSessionStore(client, { prefix });

  it.each(Object.entries(table))(
    "%s of two users rejects for both with the replies of each other",
    async (name, verb) => {
      // So that Redis knows the scripts.
      await verb(direct, await liveSubject(direct, `${name} before`));
      const subjects = [await liveSubject(direct, `${name} one`), await liveSubject(direct, `${name} other`)];
      const mixed = createSessionStore(swappingReplies(client), { prefix });
      const events: string[] = [];
      for (const event of ["created", "rotated", "updated", "revoked", "rejected"] as const) {
        mixed.events.on(event, () => events.push(event));
      }
      const calls = subjects.map((subject) => verb(mixed, subject));
      for (const error of await Promise.all(calls.map(rejection))) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error.message).toContain("the reply to another one");
      }
      expect(events).toEqual([]);
    },
  );
});

it("revokeAll rejects if two of its steps get the replies of each other, and ends everything when it is repeated", async () => {
  // A data set of its own: this ends every session that there is.
  const client = new RedisMock({ port: 2 }) as unknown as Redis;
  afterFile(() => client.disconnect());
  const direct = createSessionStore(client, { prefix });
  await liveSubject(direct, "before");
  await direct.revokeAll();
  const subjects = [await liveSubject(direct, "one"), await liveSubject(direct, "other")];
  const mixed = createSessionStore(swappingReplies(client), { prefix });
  expect((await rejection(mixed.revokeAll())).message).toContain("the reply to another one");
  await mixed.revokeAll();
  for (const { token } of subjects) expect(await direct.get(token)).toBeNull();
});

it("a revocation that got the reply to another one was made, and says so when it is repeated", async () => {
  const [one, other] = [await live(), await live()];
  const mixed = createSessionStore(swappingReplies(connect()), { prefix });
  await Promise.all([mixed.revoke(one.token), mixed.revoke(other.token)].map(rejection));
  for (const { token } of [one, other]) {
    expect(await mixed.revoke(token)).toBe(false);
    expect(await store.get(token)).toBeNull();
  }
});
