/** The functions that call scripts, against the Lua files: what they send, and which replies they understand. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { StoreUnavailableError } from "../src/leaves/errors.js";
import { oneTimeScripts } from "../src/one-time/scripts/scripts.js";
import { portOf } from "../src/redis/clients/supported.js";
import { SlotMovingError } from "../src/redis/cluster/redirection.js";
import { RedisDoor } from "../src/redis/redis-door.js";
import { scripts } from "../src/sessions/scripts/scripts.js";
import { rejection } from "./fixtures/every-verb.js";
import { inReplyTo, withNumber } from "./fixtures/in-reply-to.js";
import { rubbish } from "./fixtures/rubbish.js";
import { scriptCalls } from "./script-calls.js";

const SRC = new URL("../src/", import.meta.url);
const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const tables = { "sessions/scripts": scripts, "one-time/scripts": oneTimeScripts };
const all = Object.entries(tables).flatMap(([folder, table]) =>
  Object.entries(table).map(([name, script]) => [`${folder}/${kebab(name)}.lua`, script] as const),
);

/** A door to a Redis that gives one reply, with the number of the call or `bare`, and what it was sent. */
function answering(reply: unknown, bare = false) {
  const sent: { sha: string; keys: number; args: readonly unknown[] }[] = [];
  const client = {
    evalsha: async (sha: string, keys: number, ...rest: unknown[]) => {
      sent.push({ sha, keys, args: rest.slice(keys) });
      return bare ? reply : inReplyTo(rest, reply);
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
    const own = script.numbered ? args.slice(0, -1) : args;
    if (script.numbered) expect(args.at(-1)).toMatch(/^[0-9a-z]+#$/);
    if (/ARGV\[\d+…\]/.test(header)) expect(own.length).toBeGreaterThanOrEqual(highest(header, "ARGV"));
    else expect(own).toHaveLength(highest(header, "ARGV"));
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
    const args = [script.numbered ? "1#" : "hash"];
    for (const reply of unsettled) expect(script.decode(inReplyTo(args, reply), [], args)).toBeDefined();
    for (const reply of moving) {
      expect(() => script.decode(inReplyTo(args, reply), [], args)).toThrow(SlotMovingError);
    }
  });

  it.each(rubbish)("refuses %s", async (_, reply) => {
    for (const bare of [false, true]) {
      const error = await rejection(call(answering(reply, bare).redis));
      expect(error).toMatchObject({ name: "StoreUnavailableError", code: "STORE_UNAVAILABLE", status: 503 });
    }
  });

  it("refuses each of its own replies if it is that to another call, or has no number", async () => {
    if (!script.numbered) return expect(["sessions/scripts/get.lua", "sessions/scripts/touch.lua"]).toContain(path);
    for (const reply of [...replies, ...unsettled, ...moving]) {
      for (const [given, words] of [
        [withNumber("1#", reply), "the reply to another one"],
        [withNumber("#", reply), "a reply that coatcheck does not know"],
        [reply, "a reply that coatcheck does not know"],
      ] as const) {
        const error = await rejection(call(answering(given, true).redis));
        expect(error).toMatchObject({ name: "StoreUnavailableError" });
        expect(error.message).toContain(words);
      }
    }
  });

  it("gives none of two calls at once the reply to the other", async () => {
    if (!script.numbered) return;
    for (const reply of replies) {
      const sent: { args: unknown[]; answer: (reply: unknown) => void }[] = [];
      const evalsha = (...args: unknown[]) => new Promise((answer) => sent.push({ args, answer }));
      const redis = new RedisDoor(portOf("", { evalsha, eval: evalsha, on: () => {} } as never), 1000);
      const outcomes = [call(redis), call(redis)].map(rejection);
      await vi.waitUntil(() => sent.length === 2);
      sent.forEach(({ answer }, at) => void answer(inReplyTo(sent[1 - at]?.args ?? [], reply)));
      for (const error of await Promise.all(outcomes)) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(error.message).toContain("the reply to another one");
      }
    }
  });

  it("refuses statuses that are others', and its own where something is missing or too much", async () => {
    for (const reply of [["sure"], ["ok"], ["none", "1"], ...broken]) {
      const error = await rejection(call(answering(reply).redis));
      expect(error.name, JSON.stringify(reply)).toBe("StoreUnavailableError");
    }
  });
});
