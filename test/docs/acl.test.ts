/** The access list of docs/operations.md: the contract of the store runs as that user, and it allows nothing that is not used. */
import { describe, expect, it, vi } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { oneTimeScripts } from "../../src/one-time/scripts/scripts.js";
import { scriptCommands } from "../../src/sessions/script-commands.js";
import { scripts } from "../../src/sessions/scripts/scripts.js";
import { liveSubject, rejection } from "../fixtures/every-verb.js";
import { additionFor, documentedUser, grant } from "../harness/access.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { describeContract } from "../sessions/contract.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const admin = connect({ port: server.port });
const user = documentedUser();
await grant(admin, user);
const { username, password } = user;
const login = { port: server.port, username, password };
/** Only `revokeAll` needs more. */
const sweeper = { ...documentedUser("`revokeAll`"), username: "sweeper" };
await grant(admin, sweeper);

describeContract(
  "the store as the documented user",
  (options) => connect({ ...login, username: sweeper.username, ...options }),
  {
    exactClock: true,
    observe: () => connect({ port: server.port }),
  },
);

/** The commands that the scripts of a table call. */
function commandsOf(table: Record<string, { readonly source: string }>): Set<string> {
  const code = Object.values(table).map(({ source }) => source.replace(/--.*$/gm, ""));
  const calls = code.flatMap((source) => [...source.matchAll(/call(?:_many|_here)?[(,] ?'([A-Z]+)'/g)]);
  return new Set(calls.map(([, command]) => `+${(command as string).toLowerCase()}`));
}

describe("the documented user", () => {
  it("may do what the scripts and the client do, and nothing else", () => {
    const allowed = user.rules.filter((rule) => rule.startsWith("+"));
    const forTheClient = ["+evalsha", "+eval", "+info", "+ping"];
    const { beat: _, ...usual } = scripts;
    expect(allowed.sort()).toEqual([...commandsOf(usual), ...forTheClient].sort());
  });

  it("needs for near what its script calls, and to subscribe", () => {
    const known = new Set(user.rules);
    const more = [...commandsOf({ beat: scripts.beat })].filter((rule) => !known.has(rule));
    const commands = additionFor("the [`near`](near.md) option, and [`watch`](websockets.md)").filter((rule) =>
      rule.startsWith("+"),
    );
    expect(commands.sort()).toEqual([...more, "+subscribe", "+unsubscribe"].sort());
  });

  it("is tried by check() for each of the commands of scripts", () => {
    // PUBLISH has a script of its own, and TIME is asked for.
    const tried = (near: boolean) => [...Object.keys(scriptCommands(near)), "PUBLISH", "TIME"].sort();
    const called = (table: object) => [...commandsOf(table as never)].map((rule) => rule.slice(1).toUpperCase()).sort();
    const { beat: _, ...usual } = scripts;
    expect(tried(false)).toEqual(called(usual));
    expect(tried(true)).toEqual(called(scripts));
  });

  it.each(user.rules.filter((rule) => rule.startsWith("+") && rule !== "+ping"))(
    "is told by check() if it lacks %s",
    async (rule) => {
      const poor = { ...user, username: `without${rule}`, rules: user.rules.filter((each) => each !== rule) };
      await grant(admin, poor);
      const client = connect({ ...login, username: poor.username, enableReadyCheck: false });
      const { findings } = await createSessionStore(client, { prefix: uniquePrefix() }).check();
      const told = findings.filter(({ code, found }) => /refused|publish/.test(code) && !found.includes("CONFIG"));
      expect(told).toHaveLength(1);
      expect(told[0]?.mend).toContain(rule);
    },
  );

  it("can watch with these, and is told by the error without", async () => {
    const client = connect(login);
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 20_000 });
    afterFile(() => store.close());
    const { token } = await store.create({ userId: "ada" });
    expect(String((await rejection(store.watch(token))).message)).toBe("Redis cannot serve (NOPERM)");
    await grant(admin, documentedUser("the [`near`](near.md) option, and [`watch`](websockets.md)"));
    const watch = await store.watch(token);
    await store.revoke(token);
    await vi.waitFor(() => expect(watch.signal.reason?.reason).toBe("revoked"));
  });

  it("needs for one-time tokens what their scripts call", () => {
    const known = new Set(user.rules);
    const more = [...commandsOf(oneTimeScripts)].filter((rule) => !known.has(rule));
    expect(additionFor("`coatcheck/one-time`").sort()).toEqual(more.sort());
  });

  it("reaches nothing outside of the prefix, and no other command", async () => {
    const redis = connect(login);
    await admin.set("of-others", "secret");
    await expect(redis.hgetall("of-others")).rejects.toThrow("NOPERM");
    await expect(redis.eval("return redis.call('DEL', KEYS[1])", 1, "of-others")).rejects.toThrow(/NOPERM|ACL failure/);
    for (const [command, ...args] of [
      ["KEYS", "*"],
      ["SCAN", "0"],
      ["CONFIG", "GET", "*"],
      ["FLUSHALL"],
      ["MONITOR"],
    ]) {
      await expect(redis.call(command as string, ...args)).rejects.toThrow("NOPERM");
    }
  });

  it("is told by the error if it may not end all sessions at once", async () => {
    const error = await rejection(createSessionStore(connect(login), { prefix: uniquePrefix() }).revokeAll());
    expect(error.message).toMatch(/^Redis cannot serve \(NOPERM\); 0 sessions have ended so far/);
    expect(String(error.cause)).toContain("'scan'");
  });

  it("is told by the error where the prefix is not its own", async () => {
    const store = createSessionStore(connect(login), { prefix: "elsewhere:" });
    const error = await rejection(store.create());
    expect(error.name).toBe("StoreUnavailableError");
    expect(String(error.cause)).toMatch(/NOPERM|ACL failure/);
  });

  it("can check with and without the right to ask for the configuration", async () => {
    const store = createSessionStore(connect(login), { prefix: uniquePrefix() });
    const refused = async () => (await store.check()).findings.filter(({ code }) => code === "refused");
    expect((await store.check()).servers[0]).toMatchObject({ role: "master", hashMaxListpackValue: null });
    expect(await refused()).toMatchObject([{ level: "warning", found: "the server refuses CONFIG GET (NOPERM)" }]);
    await grant(admin, documentedUser("`check()`"));
    expect((await store.check()).servers[0]).toMatchObject({ hashMaxListpackValue: 64 });
    expect(await refused()).toEqual([]);
  });

  it("can wait for replicas with the right to", async () => {
    const store = createSessionStore(connect(login), { prefix: uniquePrefix(), replicas: { count: 1, timeout: 10 } });
    const { token } = await liveSubject(store, "ada");
    const refused = await rejection(store.revoke(token));
    expect(refused.name).toBe("NotReplicatedError");
    expect((refused.cause as Error).message).toBe("Redis cannot serve (NOPERM)");
    await grant(admin, documentedUser("the `replicas` option"));
    const unconfirmed = await rejection(store.revoke(token));
    expect([unconfirmed.name, unconfirmed.cause]).toEqual(["NotReplicatedError", undefined]);
  });
});
