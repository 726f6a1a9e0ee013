/** No error holds a token or a secret, nor what else went with the command that failed. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { RedisStore } from "../../src/express-session.js";
import { createSessionStore } from "../../src/index.js";
import { bucketOfUser, mintToken } from "../../src/leaves/token.js";
import { Keys } from "../../src/sessions/keys.js";
import { everyVerb, rejection, watching } from "../fixtures/every-verb.js";
import { everythingOf, hashOf, leaksIn } from "../fixtures/leaks.js";
import { REDIS_ERRORS, startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();

describe("an error", () => {
  const { token, id } = mintToken(bucketOfUser("42"));
  const subject = { token, id, userId: "42" };

  /** Expects an error that holds neither the token nor its hash, nor the claims that went with it. */
  function expectDiscreet(error: Error, of = token): void {
    const text = everythingOf(error);
    expect(leaksIn(text, [of])).toEqual([]);
    expect(text).not.toContain(hashOf(of));
    expect(text).not.toContain("dear diary");
  }

  it.each(Object.entries(REDIS_ERRORS))(
    "%s holds no token, secret, hash or claim, whatever the verb",
    async (_, answer) => {
      const fake = await startFakeRedis({ answer });
      afterFile(() => fake.close());
      const client = connect({ port: fake.port });
      for (const replicas of [undefined, { count: 1, timeout: 50 }]) {
        // What a server cannot do yet is tried again until the deadline.
        const store = createSessionStore(client, { replicas, timeout: 300 });
        const refuse = async ([name, call]: [string, (typeof everyVerb)[string]]) => {
          // A server that refuses a question has answered: then `check` gives a finding.
          const isFinding = name === "check" && answer.message.startsWith("NOPERM");
          const outcome = isFinding ? new Error(JSON.stringify(await call(store, subject))) : null;
          expectDiscreet(outcome ?? (await rejection(call(store, subject))));
        };
        await Promise.all(Object.entries({ ...everyVerb, ...watching }).map(refuse));
        expectDiscreet(await rejection(store.updateClaims(token, { secret: "dear diary" })));
        expectDiscreet(await rejection(store.create({ claims: { secret: "dear diary" } })));
      }
    },
  );

  it("of a Redis that does not know a command, and quotes its arguments, holds none of them", async () => {
    const quoting = ([name, ...args]: readonly string[]) =>
      new Error(`ERR unknown command '${name}', with args beginning with: ${args.map((arg) => `'${arg}' `).join("")}`);
    const fake = await startFakeRedis({ answer: quoting });
    afterFile(() => fake.close());
    const client = connect({ port: fake.port });
    const store = createSessionStore(client);
    for (const call of [() => store.get(token), () => store.updateClaims(token, { secret: "dear diary" })]) {
      const error = await rejection(call());
      expectDiscreet(error);
      expect(String(error.cause)).toMatch(/ERR unknown command '\w+'$/);
    }
    // The id of a session is a credential there.
    const dropIn = new RedisStore({ client, userId: () => "42" });
    const session = { cookie: { originalMaxAge: null }, secret: "dear diary" };
    for (const call of [() => dropIn.get("a-session-id"), () => dropIn.set("a-session-id", session)]) {
      const error = await rejection(call());
      expectDiscreet(error);
      expect(everythingOf(error)).not.toContain("a-session-id");
      expect(String(error.cause)).toMatch(/ERR unknown command '\w+'$/);
    }
  });

  it("of the deadline, of a lost connection and of a closed client holds none either", async () => {
    const silent = await startFakeRedis({ answer: () => undefined });
    const client = connect({ port: silent.port, maxRetriesPerRequest: 0 });
    const late = createSessionStore(client, { timeout: 50 });
    const patient = createSessionStore(client);
    for (const call of Object.values(everyVerb)) expectDiscreet(await rejection(call(late, subject)));
    const pending = rejection(patient.updateClaims(token, { secret: "dear diary" }));
    await silent.close();
    expectDiscreet(await pending);
    client.disconnect();
    expectDiscreet(await rejection(patient.updateClaims(token, { secret: "dear diary" })));
  });

  it("of a corrupt record names the key, and not what it holds", async () => {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix });
    const { token: live, session } = await store.create({ claims: { secret: "dear diary" } });
    const key = new Keys(prefix).session(session.id);
    await redis.hset(key, ":secret", '"dear diary');
    expectDiscreet(await rejection(store.get(live)), live);
    await redis.hset(key, "t", "dear diary");
    expectDiscreet(await rejection(store.get(live)), live);
    await redis.set(key, "dear diary", "EX", 60);
    expectDiscreet(await rejection(store.touch(live)), live);
  });

  it("of a wrong argument does not repeat a token that was put in its place", async () => {
    const store = createSessionStore(redis, { prefix: uniquePrefix() });
    const loose = store as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const calls: Array<[verb: string, ...args: unknown[]]> = [
      ["create", token],
      ["create", { userId: { token } }],
      ["create", { claims: token }],
      ["create", { idleTimeout: token }],
      ["create", { client: token }],
      ["create", { client: { ip: token } }],
      ["rotate", token, token],
      ["rotate", token, { grace: token }],
      ["rotate", token, { reauthenticated: token }],
      ["updateClaims", token, token],
      ["updateClaims", token, () => token],
      ["updateClaims", token, { f: () => token }],
      ["revokeAllForUser", "42", token],
      ["revokeAllForUser", "42", { except: `${token}=` }],
      ["blockUser", "42", token],
      ["blockUser", "42", { until: token }],
      ["listForUser", [token]],
    ];
    for (const [verb, ...args] of calls) {
      const outcome = await rejection(Promise.resolve(loose[verb]?.(...args))).catch((error: Error) => error);
      expect(leaksIn(everythingOf(outcome), [token]), `${verb} ${inspect(args)}`).toEqual([]);
    }
  });

  it("of claims, of a block and of a limit holds no token", async () => {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix, maxSessionsPerUser: 1, onSessionLimit: "reject" });
    const strict = createSessionStore(redis, { prefix, claims: z.object({ role: z.string() }), maxClaimsBytes: 100 });
    const { token: live } = await store.create({ userId: "42", claims: { role: "reader" } });
    const guest = await store.create({ claims: { role: "guest" } });
    expectDiscreet(await rejection(strict.updateClaims(live, { role: "x".repeat(200) })), live);
    expectDiscreet(await rejection(strict.updateClaims(live, { role: undefined })), live);
    expectDiscreet(await rejection(store.rotate(guest.token, { userId: "42" })), guest.token);
    await store.blockUser("42");
    expectDiscreet(await rejection(store.rotate(guest.token, { userId: "42" })), guest.token);
  });

  it("of replicas that did not confirm holds no token", async () => {
    const store = createSessionStore(redis, { prefix: uniquePrefix(), replicas: { count: 1, timeout: 1 } });
    const { token: live } = await store.create({ userId: "42" });
    const error = await rejection(store.revoke(live));
    expect(error.name).toBe("NotReplicatedError");
    expectDiscreet(error, live);
  });
});
