/** The contract of one-time tokens, for every client that claims to keep it. Only a real Redis is the judge of a script. */
import { describe, expect, it } from "vitest";
import { createSessionStore, isSessionError } from "../../src/index.js";
import {
  createOneTimeTokens,
  IssueLimitError,
  type OneTimeTokens,
  type OneTimeTokensOptions,
} from "../../src/one-time.js";
import { leaksIn } from "../fixtures/leaks.js";
import { ODD_USER_IDS } from "../sessions/contract/keys.js";
import {
  type ContractOptions,
  expectDeeplyFrozen,
  HOUR,
  hashOf,
  type MakeClient,
  MINUTE,
  present,
  Rig,
  withOtherSecret,
} from "../sessions/contract/rig.js";

/** One-time tokens under a prefix that nobody else has, and a view behind them. */
export interface Opened<Data> {
  readonly tokens: OneTimeTokens<Data>;
  readonly prefix: string;
  keys(): Promise<string[]>;
  /** Tokens on the same keys, as another process with other options would have them. */
  again<Other = Data>(options?: Partial<OneTimeTokensOptions>): OneTimeTokens<Other>;
}

export function openTokens<Data = unknown>(rig: Rig, options: Partial<OneTimeTokensOptions> = {}): Opened<Data> {
  const prefix = rig.prefix();
  const again = <Other>(others?: Partial<OneTimeTokensOptions>) =>
    createOneTimeTokens<Other>(rig.redis, { purpose: "reset", ttl: 10 * MINUTE, prefix, ...others });
  return { tokens: again<Data>(options), prefix, keys: () => rig.keysUnder(prefix), again };
}

const keyOf = (prefix: string, token: string) => `${prefix}{${token.slice(10, 13)}}:o:reset:${token.slice(0, 26)}`;

/** Holds one-time tokens on the clients of `makeClient` to their contract. */
export function describeOneTimeTokens(name: string, makeClient: MakeClient, options: ContractOptions): void {
  describe(name, () => {
    const rig = new Rig(makeClient, options);
    describeLife(rig);
    describeData(rig);
    describeLimit(rig);
    describeNames(rig);
    describeSessions(rig);
  });
}

function describeLife(rig: Rig): void {
  describe("a one-time token", () => {
    it("stands for its subject and data until it expires, by the clock of Redis", async () => {
      const { tokens, prefix } = openTokens(rig, { ttl: 5 * MINUTE });
      const issued = await rig.expectNow(
        () => tokens.issue({ subject: "ada", data: { email: "ada@example.org" } }),
        ({ expiresAt }) => expiresAt - 5 * MINUTE,
      );
      expect(issued.token).toMatch(/^[0-9A-Z]{26}\.[\w-]{43}$/);
      const { issuedAt, expiresAt } = { issuedAt: issued.expiresAt - 5 * MINUTE, expiresAt: issued.expiresAt };
      const stands = { subject: "ada", data: { email: "ada@example.org" }, issuedAt, expiresAt };
      expect(await tokens.peek(issued.token)).toEqual(stands);
      expect(await rig.redis.pexpiretime(keyOf(prefix, issued.token))).toBe(expiresAt);
      const consumed = await tokens.consume(issued.token);
      expect(consumed).toEqual(stands);
      expectDeeplyFrozen(consumed);
    });

    it("is consumed once, however often it was looked at", async () => {
      const { tokens } = openTokens(rig);
      const { token } = await tokens.issue({ subject: "ada" });
      for (let looks = 0; looks < 3; looks++) expect(await tokens.peek(token)).not.toBeNull();
      expect(await tokens.consume(token)).not.toBeNull();
      expect(await tokens.consume(token)).toBeNull();
      expect(await tokens.peek(token)).toBeNull();
    });

    it("is nothing once it has expired, and so is its record", async () => {
      const { tokens, prefix } = openTokens(rig, { ttl: 30 });
      const { token } = await tokens.issue({ subject: "ada" });
      await expect.poll(() => rig.redis.exists(keyOf(prefix, token)), { timeout: 15_000 }).toBe(0);
      expect(await tokens.peek(token)).toBeNull();
      expect(await tokens.consume(token)).toBeNull();
      expect(await tokens.revokeForSubject("ada")).toBe(false);
    });

    it("is void as soon as the subject is issued another", async () => {
      const { tokens } = openTokens(rig);
      const first = await tokens.issue({ subject: "ada" });
      const other = await tokens.issue({ subject: "bob" });
      const second = await tokens.issue({ subject: "ada" });
      expect(await tokens.peek(first.token)).toBeNull();
      expect(await tokens.consume(first.token)).toBeNull();
      expect(await tokens.consume(second.token)).toMatchObject({ subject: "ada" });
      expect(await tokens.consume(other.token)).toMatchObject({ subject: "bob" });
    });

    it("is void when its subject's is revoked, and only then is there one to revoke", async () => {
      const { tokens } = openTokens(rig);
      expect(await tokens.revokeForSubject("ada")).toBe(false);
      const { token } = await tokens.issue({ subject: "ada" });
      const other = await tokens.issue({ subject: "bob" });
      expect(await tokens.revokeForSubject("ada")).toBe(true);
      expect(await tokens.consume(token)).toBeNull();
      expect(await tokens.revokeForSubject("ada")).toBe(false);
      expect(await tokens.consume(other.token)).not.toBeNull();
      expect(await tokens.revokeForSubject("bob")).toBe(false);
      const next = await tokens.issue({ subject: "ada" });
      expect(await tokens.consume(next.token)).not.toBeNull();
    });

    it("survives any number of guesses at its secret, which are answered like all that is no token", async () => {
      const { tokens } = openTokens(rig);
      const { token } = await tokens.issue({ subject: "ada" });
      const gone = await tokens.issue({ subject: "bob" });
      await tokens.consume(gone.token);
      const unknown = `${token.slice(0, 16)}0000000000${token.slice(26)}`;
      const nothing = [withOtherSecret(token), gone.token, unknown, token.slice(0, 26), `${token}=`, "", null, 1, {}];
      for (const value of nothing) {
        expect([value, await tokens.peek(value), await tokens.consume(value)]).toEqual([value, null, null]);
      }
      expect(await tokens.consume(token)).toMatchObject({ subject: "ada" });
    });

    it("leaves the hash of its secret in Redis, and neither itself nor the secret", async () => {
      const { tokens, keys, prefix } = openTokens(rig);
      const { token } = await tokens.issue({ subject: "ada" });
      const dump = async () =>
        JSON.stringify(
          await Promise.all(
            (await keys()).map(async (key) => [
              key,
              key.includes(":i:") ? await rig.redis.lrange(key, 0, -1) : await rig.redis.hgetall(key),
            ]),
          ),
        );
      expect(await rig.redis.hget(keyOf(prefix, token), "h")).toBe(hashOf(token));
      expect(leaksIn(await dump(), [token])).toEqual([]);
      await tokens.consume(token);
      expect(await keys()).toHaveLength(2);
      expect(leaksIn(await dump(), [token])).toEqual([]);
    });
  });
}

function describeData(rig: Rig): void {
  describe("data", () => {
    it.each([
      null,
      false,
      0,
      "",
      "text",
      'a "quoted" \\ line\nand more',
      [],
      [1, [2]],
      {},
      { a: { b: null } },
      "\u2028",
    ])("of %j comes back as it was", async (data) => {
      const { tokens } = openTokens(rig);
      const { token } = await tokens.issue({ subject: "ada", data });
      expect(present(await tokens.peek(token)).data).toEqual(data);
      expect(present(await tokens.consume(token)).data).toEqual(data);
    });

    it("is null where none was given", async () => {
      const { tokens } = openTokens(rig);
      for (const options of [{ subject: "ada" }, { subject: "ada", data: undefined }]) {
        expect((await tokens.consume((await tokens.issue(options)).token))?.data).toBeNull();
      }
    });

    it("may take as many bytes of JSON as maxDataBytes says, and 4096 by default", async () => {
      const { tokens, again } = openTokens(rig);
      const issue = (of: OneTimeTokens, data: unknown) => of.issue({ subject: "ada", data });
      await issue(tokens, "é".repeat(2047));
      await expect(issue(tokens, `${"é".repeat(2047)}x`)).rejects.toThrow(
        new RangeError("data takes 4097 bytes, more than maxDataBytes (4096)"),
      );
      await issue(again({ maxDataBytes: 4 }), "ab");
      await expect(issue(again({ maxDataBytes: 4 }), "abc")).rejects.toThrow(RangeError);
    });

    const circular: unknown[] = [];
    circular.push(circular);
    it.each([
      ["a date", new Date(0), "data is not JSON: a Date would not come back as one"],
      ["a map inside", { a: new Map() }, "data is not JSON: a Map would not come back as one"],
      ["NaN", Number.NaN, "data is not JSON: NaN would come back as null"],
      ["a function", () => 1, "data is not JSON: a function would be lost"],
      ["a bigint", 1n, /^data is not JSON: /],
      ["a circle", circular, /^data is not JSON: /],
    ])("that is %s is refused, and the token before stays valid", async (_, data, message) => {
      const { tokens } = openTokens(rig);
      const { token } = await tokens.issue({ subject: "ada" });
      await expect(tokens.issue({ subject: "ada", data })).rejects.toThrow(TypeError);
      await expect(tokens.issue({ subject: "ada", data })).rejects.toThrow(message);
      expect(await tokens.consume(token)).not.toBeNull();
    });
  });
}

function describeLimit(rig: Rig): void {
  /** Moves all that was issued to a subject into the past. */
  async function age(prefix: string, subject: string, ms: number): Promise<void> {
    const log = present((await rig.keysUnder(prefix)).find((key) => key.endsWith(`:i:reset:${subject}`)));
    const entries = (await rig.redis.lrange(log, 0, -1)).map((entry) => entry.split(" "));
    await rig.redis.del(log);
    await rig.redis.rpush(log, ...entries.map(([at, id]) => `${Number(at) - ms} ${id}`));
    await rig.redis.pexpire(log, HOUR);
  }

  const refusal = async (call: Promise<unknown>) => {
    const error = await call.then(
      () => expect.fail("the call resolved"),
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(IssueLimitError);
    return error as IssueLimitError;
  };

  describe("the limit per hour", () => {
    it("is five by default, for one subject and purpose, and the latest token stays valid", async () => {
      const { tokens, again } = openTokens(rig);
      let token = "";
      for (let count = 0; count < 5; count++) token = (await tokens.issue({ subject: "ada" })).token;
      const error = await refusal(tokens.issue({ subject: "ada" }));
      expect(error).toMatchObject({ name: "IssueLimitError", code: "ISSUE_LIMIT", limit: 5, status: 429 });
      expect(isSessionError(error)).toBe(true);
      expect(error.retryAfter).toBeGreaterThan(HOUR - MINUTE);
      expect(error.retryAfter).toBeLessThanOrEqual(HOUR + 2000);
      expect(error.headers).toEqual({ "Retry-After": String(Math.ceil(error.retryAfter / 1000)) });
      expect(error.message).not.toContain("ada");
      await tokens.issue({ subject: "bob" });
      await again({ purpose: "verify" }).issue({ subject: "ada" });
      expect(await tokens.consume(token)).not.toBeNull();
    });

    it("counts what was consumed, voided and revoked", async () => {
      const { tokens } = openTokens(rig, { maxPerHour: 3 });
      await tokens.consume((await tokens.issue({ subject: "ada" })).token);
      await tokens.issue({ subject: "ada" });
      await tokens.issue({ subject: "ada" });
      await tokens.revokeForSubject("ada");
      await refusal(tokens.issue({ subject: "ada" }));
    });

    it("slides: what is an hour old counts no more", async () => {
      const { tokens, prefix } = openTokens(rig, { maxPerHour: 2 });
      await tokens.issue({ subject: "ada" });
      await age(prefix, "ada", 50 * MINUTE);
      await tokens.issue({ subject: "ada" });
      const { retryAfter } = await refusal(tokens.issue({ subject: "ada" }));
      expect(Math.abs(retryAfter - 10 * MINUTE)).toBeLessThan(10_000);
      await age(prefix, "ada", retryAfter + 2000);
      await tokens.issue({ subject: "ada" });
      const later = await refusal(tokens.issue({ subject: "ada" }));
      expect(Math.abs(later.retryAfter - 50 * MINUTE)).toBeLessThan(10_000);
    });

    it("may be lowered, and then says when there is room under the new one", async () => {
      const { tokens, prefix, again } = openTokens(rig, { maxPerHour: 4 });
      for (let count = 0; count < 4; count++) {
        await tokens.issue({ subject: "ada" });
        await age(prefix, "ada", 10 * MINUTE);
      }
      // They are now 40, 30, 20 and 10 minutes old; for one more under two, the second latest has to go.
      const { retryAfter } = await refusal(again({ maxPerHour: 2 }).issue({ subject: "ada" }));
      expect(Math.abs(retryAfter - 40 * MINUTE)).toBeLessThan(10_000);
    });

    it("keeps no more of the past than it needs, and no longer than an hour or the token lives", async () => {
      const { tokens, prefix, keys } = openTokens(rig, { ttl: MINUTE });
      for (let count = 0; count < 3; count++) await tokens.issue({ subject: "ada" });
      await age(prefix, "ada", 2 * HOUR);
      const { expiresAt } = await tokens.issue({ subject: "ada" });
      const log = present((await keys()).find((key) => key.includes(":i:")));
      expect(await rig.redis.llen(log)).toBe(1);
      expect(await rig.redis.pexpiretime(log)).toBe(expiresAt - MINUTE + HOUR);

      const long = openTokens(rig, { ttl: 48 * HOUR });
      const day = await long.tokens.issue({ subject: "ada" });
      const its = present((await long.keys()).find((key) => key.includes(":i:")));
      expect(await rig.redis.pexpiretime(its)).toBe(day.expiresAt);
    });

    it("still knows which token to void when that is older than an hour", async () => {
      const { tokens, prefix } = openTokens(rig, { ttl: 48 * HOUR });
      const first = await tokens.issue({ subject: "ada" });
      await age(prefix, "ada", 2 * HOUR);
      const second = await tokens.issue({ subject: "ada" });
      expect(await tokens.consume(first.token)).toBeNull();
      await age(prefix, "ada", 2 * HOUR);
      expect(await tokens.revokeForSubject("ada")).toBe(true);
      expect(await tokens.consume(second.token)).toBeNull();
    });
  });
}

function describeNames(rig: Rig): void {
  describe("subjects", () => {
    it.each(Object.entries(ODD_USER_IDS))("of %s work with every verb", async (_, subject) => {
      const { tokens } = openTokens(rig);
      const { token } = await tokens.issue({ subject });
      expect((await tokens.peek(token))?.subject).toBe(subject);
      expect((await tokens.consume(token))?.subject).toBe(subject);
      await tokens.issue({ subject });
      expect(await tokens.revokeForSubject(subject)).toBe(true);
    });

    it("that look alike are different subjects", async () => {
      const { tokens } = openTokens(rig);
      const subjects = [...Object.values(ODD_USER_IDS), "a", "A", "a ", "é", "e\u0301", "a\\nb", "a\nb"];
      const issued = [];
      for (const subject of subjects) issued.push(await tokens.issue({ subject }));
      for (const [at, { token }] of issued.entries()) {
        expect((await tokens.consume(token))?.subject).toBe(subjects[at]);
      }
    });
  });

  describe("purposes", () => {
    it("never mix: a token is nothing to another, and stays valid", async () => {
      const { tokens, again } = openTokens(rig);
      const purposes = ["verify", "rese", "resets", "Reset", "reset.2", "reset-"].map((purpose) => again({ purpose }));
      const { token } = await tokens.issue({ subject: "ada" });
      for (const others of purposes) {
        await others.issue({ subject: "ada" });
        expect(await others.peek(token)).toBeNull();
        expect(await others.consume(token)).toBeNull();
        expect(await others.revokeForSubject("ada")).toBe(true);
      }
      expect(await tokens.consume(token)).not.toBeNull();
    });
  });

  describe("keys", () => {
    it("lie in one slot, that of the subject as a user, and each has an end", async () => {
      // It stays for as long as a call may take, which has to be longer than what comes until somebody looks.
      const timeout = 2500;
      const { tokens, keys, prefix } = openTokens(rig, { timeout });
      const { token } = await tokens.issue({ subject: "ada" });
      const { session } = await createSessionStore(rig.redis, { prefix }).create({ userId: "ada" });
      const bucket = session.id.slice(10, 13);
      expect(await keys()).toEqual(
        [
          `${prefix}{${bucket}}:i:reset:ada`,
          `${prefix}{${bucket}}:o:reset:${token.slice(0, 26)}`,
          `${prefix}{${bucket}}:s:${session.id}`,
          `${prefix}{${bucket}}:u:ada`,
        ].sort(),
      );
      await tokens.consume(token);
      expect((await keys()).filter((key) => key.includes(":o:"))).toEqual([]);
      const consumed = present((await keys()).find((key) => key.startsWith(`${prefix}{${bucket}}:c:reset:`)));
      const left = await rig.redis.pttl(consumed);
      expect(left).toBeGreaterThan(-1);
      expect(left).toBeLessThanOrEqual(rig.exactClock ? timeout : timeout + 3000);
      await expect.poll(() => rig.redis.exists(consumed), { timeout: 15_000 }).toBe(0);
    });

    it("come after the client's keyPrefix, for every verb", async () => {
      const keyPrefix = rig.prefix();
      const tokens = createOneTimeTokens(rig.makeClient({ keyPrefix }), { purpose: "reset", ttl: MINUTE, prefix: "" });
      const first = await tokens.issue({ subject: "ada" });
      const second = await tokens.issue({ subject: "ada" });
      expect(await tokens.peek(first.token)).toBeNull();
      expect(await tokens.consume(second.token)).not.toBeNull();
      await tokens.issue({ subject: "ada" });
      expect(await tokens.revokeForSubject("ada")).toBe(true);
      for (const key of await rig.keysUnder(keyPrefix)) {
        expect(key.slice(keyPrefix.length)).toMatch(/^\{[0-9A-HJKMNP-TV-Z]{3}\}:[cim]:reset:/);
      }
    });
  });
}

function describeSessions(rig: Rig): void {
  describe("beside sessions under the same prefix", () => {
    it("a session's token is nothing to any verb, and the session lives on", async () => {
      const { tokens, prefix } = openTokens(rig);
      const store = createSessionStore(rig.redis, { prefix });
      const { token, session } = await store.create({ userId: "ada" });
      expect(await tokens.peek(token)).toBeNull();
      expect(await tokens.consume(token)).toBeNull();
      expect(await tokens.revokeForSubject("ada")).toBe(false);
      expect(await store.get(token)).toEqual(session);
    });

    it("a one-time token is nothing to the store, and stays valid", async () => {
      const { tokens, prefix } = openTokens(rig);
      const store = createSessionStore(rig.redis, { prefix });
      const { token } = await tokens.issue({ subject: "ada" });
      const id = token.slice(0, 26);
      expect(await store.get(token)).toBeNull();
      expect(await store.touch(token)).toBeNull();
      expect(await store.rotate(token)).toBeNull();
      expect(await store.rotate(token, { userId: "ada" })).toBeNull();
      expect(await store.updateClaims(token, { role: "admin" })).toBeNull();
      expect(await store.revoke(token)).toBe(false);
      expect(await store.revoke(id)).toBe(false);
      expect(await store.find(id)).toBeNull();
      expect(await store.listForUser("ada")).toEqual([]);
      expect(await store.revokeAllForUser("ada")).toBe(0);
      expect(await store.blockUser("ada")).toBe(0);
      expect(await tokens.consume(token)).toMatchObject({ subject: "ada" });
    });

    it("a session and a one-time token with one id and secret have nothing to do with each other", async () => {
      const { tokens, prefix } = openTokens(rig);
      const store = createSessionStore(rig.redis, { prefix });
      const { token } = await tokens.issue({ subject: "ada" });
      const { session } = await store.create({ userId: "ada" });
      // No token is made twice; this is what it would come to.
      const twin = keyOf(prefix, token).replace(":o:reset:", ":s:");
      await rig.redis.hset(twin, {
        ...(await rig.redis.hgetall(`${prefix}{${session.id.slice(10, 13)}}:s:${session.id}`)),
        h: hashOf(token),
      });
      await rig.redis.pexpire(twin, MINUTE);
      expect(await store.get(token)).toMatchObject({ userId: "ada" });
      expect(await tokens.consume(token)).toMatchObject({ subject: "ada", data: null });
      expect(await store.get(token)).toMatchObject({ userId: "ada" });
    });
  });
}
