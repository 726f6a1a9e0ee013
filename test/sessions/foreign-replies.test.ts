/** A client that gives two lookups the replies of each other: nobody gets the session of somebody else, and nobody is logged out. */
import type { Redis } from "ioredis";
import { expect, it } from "vitest";
import { createSessionStore, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { rejection } from "../fixtures/every-verb.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, endings: 60_000 });

/** A client whose next two scripts get the replies of each other. Both have run when the first one is answered. */
function swapping(): Redis {
  const client = connect();
  const evalsha = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
  const replies: Promise<unknown>[] = [];
  let second = (_: Promise<unknown>) => {};
  const other = new Promise((resolve) => {
    second = resolve;
  });
  client.evalsha = ((...args: unknown[]) => {
    const reply = evalsha(...args);
    replies.push(reply);
    if (replies.length === 1) return other.then(() => replies[1]);
    if (replies.length > 2) return reply;
    second(reply);
    return replies[0];
  }) as Redis["evalsha"];
  return client;
}

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
      const mixed = createSessionStore(swapping(), { prefix, endings });
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
  const mixed = createSessionStore(swapping(), { prefix });
  const calls = [mixed.get(one.token), mixed.get(thief.token)];
  for (const error of await Promise.all(calls.map(rejection))) expect(error).toBeInstanceOf(StoreUnavailableError);
});
