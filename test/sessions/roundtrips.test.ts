/** What the verbs cost: how many commands a client sends for each, counted by Redis itself. */
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { bucketOfId, bucketOfUser } from "../../src/leaves/token.js";
import { PAGE } from "../../src/sessions/context.js";
import { type Call, everyVerb, liveSubject, singleTrip } from "../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own, so that nobody else's commands are counted.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
// A thousand creations at once may well take more than the default second on a busy machine.
const store = createSessionStore(redis, { prefix, touchInterval: 0, timeout: 20_000 });
const strict = createSessionStore(redis, { prefix, claims: z.object({ role: z.string().optional() }) });

const observer = connect({ port: server.port });
// ioredis trips over a command of somebody else's that comes together with the reply to its MONITOR, so all is quiet first.
await Promise.all([redis.ping(), observer.ping()]);
const monitor = await observer.monitor();
afterFile(() => monitor.disconnect());

/** The commands that clients sent, as MONITOR reported them. What scripts run has the source "lua". */
const sent: string[][] = [];
monitor.on("monitor", (_time: string, args: string[], source: string) => {
  if (source !== "lua") sent.push(args);
});

interface Cost {
  /** The commands of clients, in order. */
  readonly commands: string[];
  /** Calls of EVALSHA and EVAL, as Redis counts them. */
  readonly evaluations: number;
}

/** Counts what a call sends. */
async function costOf(call: () => Promise<unknown>): Promise<Cost> {
  await settleMonitor();
  await redis.config("RESETSTAT");
  await settleMonitor();
  sent.length = 0;
  await call();
  const stats = await redis.info("commandstats");
  await settleMonitor();
  const commands = sent.map(([name = ""]) => name.toLowerCase());
  // What counted the cost comes after the verb, and ends the list.
  expect(commands.splice(commands.lastIndexOf("info"))).toEqual(["info", "echo"]);
  return { commands, evaluations: callsOf(stats, "evalsha") + callsOf(stats, "eval") };
}

/** MONITOR runs behind: when it has shown a mark, it has shown everything before it. */
async function settleMonitor(): Promise<void> {
  const mark = `mark ${++marks}`;
  await redis.echo(mark);
  while (sent.at(-1)?.[1] !== mark) await new Promise((resolve) => setImmediate(resolve));
}
let marks = 0;

function callsOf(stats: string, command: string): number {
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
}

const trips = (count: number): Cost => ({ commands: Array(count).fill("evalsha"), evaluations: count });

let users = 0;
const newUser = () => `user ${++users}`;

/** Lets Redis learn every script: after that, EVALSHA is all there is. */
async function warmUp(): Promise<void> {
  for (const call of Object.values(everyVerb)) await call(store, await liveSubject(store, newUser()));
}
beforeAll(warmUp);

describe("one round trip", () => {
  it.each(Object.entries(singleTrip))("is what %s takes", async (_, call: Call) => {
    const subject = await liveSubject(store, newUser());
    expect(await costOf(() => call(store, subject))).toEqual(trips(1));
  });

  it.each(
    ["get", "touch", "updateClaims with a patch", "rotate", "revoke"].map((name) => [name, singleTrip[name] as Call]),
  )("is what %s takes for a session that is no more", async (_, call: Call) => {
    const subject = await liveSubject(store, newUser());
    await store.revoke(subject.id);
    expect(await costOf(() => call(store, subject))).toEqual(trips(1));
  });

  it("is what a touch takes, whether or not its write is due", async () => {
    const lazy = createSessionStore(redis, { prefix });
    const { token } = await liveSubject(store, newUser());
    expect(await costOf(() => lazy.touch(token))).toEqual(trips(1));
    expect(await costOf(() => store.touch(token))).toEqual(trips(1));
  });

  it("is what a creation takes that evicts another session", async () => {
    const limited = createSessionStore(redis, { prefix, maxSessionsPerUser: 1 });
    const { id, userId } = await liveSubject(store, newUser());
    expect(await costOf(() => limited.create({ userId }))).toEqual(trips(1));
    expect(await store.find(id)).toBeNull();
  });

  it("is what the verbs on one user take, up to one page of sessions", async () => {
    const userId = newUser();
    await Promise.all(Array.from({ length: PAGE - 1 }, () => store.create({ userId })));
    expect(await costOf(() => store.listForUser(userId))).toEqual(trips(1));
    expect(await costOf(() => store.updateClaimsForUser(userId, { role: "x" }))).toEqual(trips(1));
    await store.create({ userId });
    expect(await costOf(() => store.revokeAllForUser(userId))).toEqual(trips(1));
    expect(await store.listForUser(userId)).toEqual([]);
  });

  it("is what a creation takes under a schema", async () => {
    expect(await costOf(() => strict.create({ userId: newUser(), claims: { role: "x" } }))).toEqual(trips(1));
  });

  it("and one EVAL more is what a script takes that Redis does not know", async () => {
    const { token } = await liveSubject(store, newUser());
    await redis.script("FLUSH");
    expect(await costOf(() => store.get(token))).toMatchObject({ commands: ["evalsha", "eval"] });
    expect(await costOf(() => store.get(token))).toEqual(trips(1));
    // The other tests count on all scripts being known.
    await warmUp();
  });
});

describe("no round trip", () => {
  const malformed: Array<[string, unknown]> = [
    ["an empty string", ""],
    ["a string of 1 MB", "x".repeat(1024 * 1024)],
    ["a token of 1 MB", `01J00000000000000000000000.${"A".repeat(1024 * 1024)}`],
    ["a token one character short", `01J00000000000000000000000.${"A".repeat(42)}`],
    ["a token with a character of another alphabet", `01J00000000000000000000000.${"A".repeat(42)}+`],
    ["a token with an id of another alphabet", `01J0000000000000000000000U.${"A".repeat(43)}`],
    ["a token in lower case", `01j00000000000000000000000.${"A".repeat(43)}`],
    ["a token with a newline at its end", `01J00000000000000000000000.${"A".repeat(42)}\n`],
    ["undefined", undefined],
    ["null", null],
    ["a number", 42],
    ["a symbol", Symbol("token")],
  ];
  const objects: Array<[string, unknown]> = [
    ["a boxed token", Object(`01J00000000000000000000000.${"A".repeat(43)}`)],
    ["an array with a token", [`01J00000000000000000000000.${"A".repeat(43)}`]],
    ["an object that throws when it is looked at", new Proxy({}, { get: () => expect.fail("looked at") })],
  ];
  /** What a caller in JavaScript may pass where the types want a string. */
  const anything = (value: unknown) => value as string;
  type Call = (token: unknown) => Promise<unknown>;
  const lookups: Record<string, [call: Call, absence: null | false]> = {
    get: [(token) => store.get(token), null],
    touch: [(token) => store.touch(token), null],
    rotate: [(token) => store.rotate(token), null],
    "rotate for a user": [(token) => store.rotate(token, { userId: "42" }), null],
  };
  const byTarget: Record<string, [call: Call, absence: null | false]> = {
    find: [(id) => store.find(anything(id)), null],
    updateClaims: [(token) => store.updateClaims(anything(token), { a: 1 }), null],
    "updateClaims with a function": [
      (token) => store.updateClaims(anything(token), () => expect.fail("was called")),
      null,
    ],
    "updateClaims under a schema": [(token) => strict.updateClaims(anything(token), { role: "x" }), null],
    revoke: [(token) => store.revoke(anything(token)), false],
  };

  it.each(Object.entries({ ...lookups, ...byTarget }))(
    "is what %s takes for a malformed token",
    async (name, [call, absence]) => {
      const values = name in lookups ? [...malformed, ...objects] : malformed;
      const outcomes: unknown[] = [];
      const cost = await costOf(async () => {
        for (const [, value] of values) outcomes.push(await call(value));
      });
      expect(cost).toEqual(trips(0));
      expect(Object.fromEntries(outcomes.map((outcome, at) => [values[at]?.[0], outcome]))).toEqual(
        Object.fromEntries(values.map(([value]) => [value, absence])),
      );
    },
  );

  it.each(Object.entries(byTarget))("is what %s takes to refuse an object", async (_, [call]) => {
    const cost = await costOf(async () => {
      for (const [, value] of objects) await expect(call(value)).rejects.toThrow(TypeError);
    });
    expect(cost).toEqual(trips(0));
  });

  it.each(["get", "touch", "rotate"] as const)(
    "is what %s takes for an id, which authenticates nobody",
    async (verb) => {
      const { id } = await liveSubject(store, newUser());
      expect(
        await costOf(async () => {
          expect(await store[verb](id)).toBeNull();
        }),
      ).toEqual(trips(0));
    },
  );

  it("is what a token takes as the name of a session to find, which takes an id", async () => {
    const { token } = await liveSubject(store, newUser());
    expect(await costOf(() => store.find(token))).toEqual(trips(0));
  });

  it("is what opening a store takes", async () => {
    expect(await costOf(async () => createSessionStore(redis, { prefix }))).toEqual(trips(0));
  });
});

describe("two round trips", () => {
  it("is what the function form of updateClaims takes without a conflict", async () => {
    const { token } = await liveSubject(store, newUser());
    expect(await costOf(() => store.updateClaims(token, () => ({ role: "x" })))).toEqual(trips(2));
  });

  it("is what updateClaims takes under a schema", async () => {
    const { token } = await liveSubject(strict, newUser());
    expect(await costOf(() => strict.updateClaims(token, { role: "x" }))).toEqual(trips(2));
    expect(await costOf(() => strict.updateClaims(token, () => ({ role: "y" })))).toEqual(trips(2));
  });

  it("is what a rotation takes that changes claims under a schema, and one is enough without claims", async () => {
    const { token } = await liveSubject(strict, newUser());
    let next: string | undefined;
    const rotate = async () => {
      next = (await strict.rotate(token, { claims: { role: "x" } }))?.token;
    };
    expect(await costOf(rotate)).toEqual(trips(2));
    expect(await costOf(() => strict.rotate(next))).toEqual(trips(1));
  });

  it("is what more than one page of sessions of a user take", async () => {
    const userId = newUser();
    await Promise.all(Array.from({ length: PAGE + 1 }, () => store.create({ userId })));
    expect(await costOf(() => store.listForUser(userId))).toEqual(trips(2));
    expect(await costOf(() => store.revokeAllForUser(userId))).toEqual(trips(2));
  });
});

describe("three round trips", () => {
  it("is what the log-in of a guest takes", async () => {
    const userId = newUser();
    const guest = await guestOutside(store, bucketOfUser(userId));
    expect(await costOf(() => store.rotate(guest, { userId, claims: { role: "x" } }))).toEqual(trips(3));
  });

  it("is what the log-in of a guest takes who happens to lie in the user's slot", async () => {
    const { token, session } = await store.create();
    const userId = userIn(bucketOfId(session.id));
    expect(await costOf(() => store.rotate(token, { userId }))).toEqual(trips(3));
    expect(await store.get(token)).toBeNull();
  });

  it("is what the log-in of a user on another's session takes", async () => {
    const { token } = await liveSubject(store, newUser());
    expect(await costOf(() => store.rotate(token, { userId: newUser() }))).toEqual(trips(3));
  });
});

/** A guest's token, in another slot than the one given: guests are spread at random. */
async function guestOutside(of: SessionStore, bucket: string): Promise<string> {
  for (;;) {
    const { token, session } = await of.create({ claims: { cart: [] } });
    if (bucketOfId(session.id) !== bucket) return token;
  }
}

/** A user whose sessions lie in a bucket; one user in 32 768 does. */
function userIn(bucket: string): string {
  for (let n = 0; ; n++) if (bucketOfUser(`native ${n}`) === bucket) return `native ${n}`;
}
