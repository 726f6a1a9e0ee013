/** The functions that call scripts, against the Lua files: what they send, and which replies they understand. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { oneTimeScripts } from "../src/one-time/scripts/scripts.js";
import { portOf } from "../src/redis/clients/supported.js";
import { SlotMovingError } from "../src/redis/cluster/redirection.js";
import { RedisDoor } from "../src/redis/redis-door.js";
import { scripts } from "../src/sessions/scripts/scripts.js";
import { rejection } from "./fixtures/every-verb.js";
import { rubbish } from "./fixtures/rubbish.js";
import { scriptCalls } from "./script-calls.js";

const SRC = new URL("../src/", import.meta.url);
const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const tables = { "sessions/scripts": scripts, "one-time/scripts": oneTimeScripts };
const all = Object.entries(tables).flatMap(([folder, table]) =>
  Object.entries(table).map(([name, script]) => [`${folder}/${kebab(name)}.lua`, script] as const),
);

/** A door to a Redis that gives one reply, and what it was sent. */
function answering(reply: unknown) {
  const sent: { sha: string; keys: number; args: readonly unknown[] }[] = [];
  const client = {
    evalsha: async (sha: string, keys: number, ...rest: unknown[]) => {
      sent.push({ sha, keys, args: rest.slice(keys) });
      return reply;
    },
    eval: async () => reply,
    on: () => {},
  };
  return { redis: new RedisDoor(portOf("", client as never), 1000), sent };
}

const headerOf = (path: string) => /^(--.*\n)+/.exec(readFileSync(new URL(path, SRC), "utf8"))?.[0] ?? "";
const highest = (header: string, table: "KEYS" | "ARGV") =>
  Math.max(0, ...[...header.matchAll(new RegExp(`${table}\\[(\\d+)`, "g"))].map(([, number]) => Number(number)));
/** A lookup names the call behind the status. */
const statusOf = (reply: unknown) => (Array.isArray(reply) ? reply[0] : String(reply).replace(/ hash.*$/s, ""));

it("has a function for every script, in the file beside it", () => {
  expect(Object.keys(scriptCalls).sort()).toEqual(all.map(([path]) => path).sort());
  for (const [path] of all) expect(existsSync(new URL(path.replace(/lua$/, "ts"), SRC)), path).toBe(true);
});

describe.each(all)("%s", (path, script) => {
  const {
    call,
    replies,
    moving = [],
    unsettled = [],
    broken,
  } = scriptCalls[path] ?? expect.fail("There is no call of it.");
  const header = headerOf(path);

  it("is sent what its header lists", async () => {
    const { redis, sent } = answering(replies[0]);
    await call(redis).catch(() => {});
    const [{ sha, keys, args } = expect.fail("Nothing was sent.")] = sent;
    expect(sha).toBe(script.sha);
    expect(keys).toBe(highest(header, "KEYS"));
    if (/ARGV\[\d+…\]/.test(header)) expect(args.length).toBeGreaterThanOrEqual(highest(header, "ARGV"));
    else expect(args).toHaveLength(highest(header, "ARGV"));
    for (const arg of args) expect(["string", "number"]).toContain(typeof arg);
  });

  it("has every reply of its header decoded", async () => {
    const returns = header.slice(header.indexOf("-- Returns"));
    const known = [...returns.matchAll(/\{?'([a-z]+)'/g)].map(([, status]) => status);
    const given = [...replies, ...unsettled, ...moving]
      .map(statusOf)
      .filter((status) => /^[a-z]+$/.test(String(status)));
    // 'moving' may also stand behind a status, and '' is a part of replies.
    expect([...new Set(given)].sort()).toEqual([...new Set(known)].sort());
    for (const reply of replies) await expect(call(answering(reply).redis)).resolves.toBeDefined();
    for (const reply of unsettled) expect(script.decode(reply, [], ["hash"])).toBeDefined();
    for (const reply of moving) expect(() => script.decode(reply, [], [])).toThrow(SlotMovingError);
  });

  it.each(rubbish)("refuses %s", async (_, reply) => {
    const error = await rejection(call(answering(reply).redis));
    expect(error).toMatchObject({ name: "StoreUnavailableError", code: "STORE_UNAVAILABLE", status: 503 });
  });

  it("refuses statuses that are others', and its own where something is missing or too much", async () => {
    for (const reply of [["sure"], ["ok"], ["none", "1"], ...broken]) {
      const error = await rejection(call(answering(reply).redis));
      expect(error.name, JSON.stringify(reply)).toBe("StoreUnavailableError");
    }
  });
});
