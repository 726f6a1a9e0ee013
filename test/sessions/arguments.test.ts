/** Wrong arguments of the verbs: every one is refused before any I/O, by name, with what was expected and what came. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { untouchable } from "../harness/untouchable.js";

/** A caller in JavaScript may pass anything. */
const anything = (value: unknown) => value as never;

const TEN_YEARS = 315_360_000_000;

describe("the verbs", () => {
  const store = createSessionStore(untouchable);
  const token = `01M813ANQEZQQF0E0QPV2PHR92.${"A".repeat(43)}`;
  const noUserId: [string, RegExp][] = [
    ["", /^userId must have 1 to 256 bytes, got 0$/],
    ["é".repeat(129), /^userId must have 1 to 256 bytes, got 258$/],
    // Redis and the events would have it.
    [token, /^userId must not be a token, which is a secret$/],
  ];

  it.each<[string, (store: SessionStore) => Promise<unknown>, TypeError | RangeError]>([
    ["create", (s) => s.create(anything(null)), new TypeError("The options of create must be an object, got null")],
    ["create", (s) => s.create(anything([])), new TypeError("The options of create must be an object, got an array")],
    [
      "create",
      (s) => s.create(anything({ user: "ada" })),
      new TypeError(
        'create: there is no option "user"; did you mean "userId"? The options are userId, claims, client, idleTimeout, absoluteTimeout, persistent',
      ),
    ],
    ["create", (s) => s.create({ userId: anything(7) }), new TypeError("userId must be a string, got 7")],
    ["create", (s) => s.create({ userId: anything(null) }), new TypeError("userId must be a string, got null")],
    ["create", (s) => s.create({ claims: anything("x") }), new TypeError('claims must be an object, got "x"')],
    ["create", (s) => s.create({ claims: anything([]) }), new TypeError("claims must be an object, got an array")],
    [
      "create",
      (s) => s.create({ client: anything("::1") }),
      new TypeError('The options of client must be an object, got "::1"'),
    ],
    [
      "create",
      (s) => s.create({ client: anything({ agent: "x" }) }),
      new TypeError('client: there is no option "agent"; did you mean "userAgent"? The options are ip, userAgent'),
    ],
    ["create", (s) => s.create({ client: { ip: anything(1) } }), new TypeError("client.ip must be a string, got 1")],
    ["create", (s) => s.create({ client: { ip: anything([1]) } }), new TypeError("client.ip must be a string, got 1")],
    [
      "create",
      (s) => s.create({ client: { userAgent: anything({}) } }),
      new TypeError("client.userAgent must be a string, got an object"),
    ],
    [
      "create",
      (s) => s.create({ idleTimeout: 0 }),
      new RangeError(`idleTimeout (ms) must be an integer from 1 to ${TEN_YEARS}, got 0`),
    ],
    [
      "create",
      (s) => s.create({ absoluteTimeout: 1000 }),
      new RangeError("idleTimeout (1800000) must not exceed absoluteTimeout (1000)"),
    ],
    [
      "updateClaims",
      (s) => s.updateClaims(token, anything(undefined)),
      new TypeError("patch must be an object, got undefined"),
    ],
    [
      "updateClaims",
      (s) => s.updateClaims("rubbish", anything([])),
      new TypeError("patch must be an object, got an array"),
    ],
    [
      "updateClaimsForUser",
      (s) => s.updateClaimsForUser("ada", anything(null)),
      new TypeError("patch must be an object, got null"),
    ],
    [
      "updateClaimsForUser",
      (s) =>
        s.updateClaimsForUser(
          "ada",
          anything(() => ({})),
        ),
      new TypeError("patch must be an object, got a function"),
    ],
    [
      "rotate",
      (s) => s.rotate(token, anything({ gracePeriod: 1 })),
      new TypeError(
        'rotate: there is no option "gracePeriod"; did you mean "grace"? The options are userId, claims, reauthenticated, client, idleTimeout, absoluteTimeout, persistent, grace',
      ),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { idleTimeout: 60_000 }),
      new TypeError("idleTimeout and absoluteTimeout need userId or reauthenticated: nothing else starts the clocks"),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { userId: "ada", absoluteTimeout: 1000 }),
      new RangeError("idleTimeout (1800000) must not exceed absoluteTimeout (1000)"),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { persistent: anything(1) }),
      new TypeError("persistent must be a boolean, got 1"),
    ],
    [
      "create",
      (s) => s.create({ persistent: anything(null) }),
      new TypeError("persistent must be a boolean, got null"),
    ],
    [
      "rotate",
      (s) => s.rotate("rubbish", anything(7)),
      new TypeError("The options of rotate must be an object, got 7"),
    ],
    ["rotate", (s) => s.rotate(token, { userId: anything(7) }), new TypeError("userId must be a string, got 7")],
    ["rotate", (s) => s.rotate(token, { claims: anything(7) }), new TypeError("claims must be an object, got 7")],
    [
      "rotate",
      (s) => s.rotate(token, { reauthenticated: anything("yes") }),
      new TypeError('reauthenticated must be a boolean, got "yes"'),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { grace: anything("1s") }),
      new TypeError('grace (ms) must be a number, got "1s"'),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { grace: -1 }),
      new RangeError("grace (ms) must be an integer from 0 to 600000, got -1"),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { grace: 600_001 }),
      new RangeError("grace (ms) must be an integer from 0 to 600000, got 600001"),
    ],
    [
      "rotate",
      (s) => s.rotate(token, { grace: 1, userId: "ada" }),
      new TypeError("grace cannot be combined with userId: a log-in ends the old session at once"),
    ],
    [
      "revokeAllForUser",
      (s) => s.revokeAllForUser("ada", anything(token)),
      new TypeError("The options of revokeAllForUser must be an object, got a string of 70 characters"),
    ],
    [
      "revokeAllForUser",
      (s) => s.revokeAllForUser("ada", anything({ exept: token })),
      new TypeError(
        'revokeAllForUser: there is no option "exept"; did you mean "except"? The options are except, note',
      ),
    ],
    [
      "revokeAllForUser",
      (s) => s.revokeAllForUser("ada", { except: "x" }),
      new TypeError("except must be a token or a session id"),
    ],
    [
      "revokeAllForUser",
      (s) => s.revokeAllForUser("ada", { except: "" }),
      new TypeError("except must be a token or a session id"),
    ],
    [
      "blockUser",
      (s) => s.blockUser("ada", anything({ for: 1 })),
      new TypeError('blockUser: there is no option "for"; the options are until, reason, note'),
    ],
    [
      "revoke",
      (s) => s.revoke(token, anything("lost")),
      new TypeError('The options of revoke must be an object, got "lost"'),
    ],
    [
      "revoke",
      (s) => s.revoke(token, anything({ reason: "x" })),
      new TypeError('revoke: there is no option "reason"; the only option is note'),
    ],
    ["revoke", (s) => s.revoke("rubbish", { note: anything(null) }), new TypeError("note must be a string, got null")],
    [
      "revokeAllForUser",
      (s) => s.revokeAllForUser("ada", { note: "x".repeat(65) }),
      new RangeError("note must have at most 64 characters, got 65"),
    ],
    ["blockUser", (s) => s.blockUser("ada", { note: anything(7) }), new TypeError("note must be a string, got 7")],
    [
      "blockUser",
      (s) => s.blockUser("ada", { until: anything(new Date()) }),
      new TypeError("until (epoch ms) must be a number, got a Date"),
    ],
    [
      "blockUser",
      (s) => s.blockUser("ada", { until: 1.5 }),
      new RangeError(`until (epoch ms) must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}, got 1.5`),
    ],
    ["blockUser", (s) => s.blockUser("ada", { reason: anything(7) }), new TypeError("reason must be a string, got 7")],
    [
      "blockUser",
      (s) => s.blockUser("ada", { reason: "x".repeat(1025) }),
      new RangeError("reason must have at most 1024 characters, got 1025"),
    ],
  ])("%s refuses wrong arguments before any I/O", async (_, call, expected) => {
    const error = await call(store).catch((thrown: unknown) => thrown);
    expectThrown(() => {
      throw error;
    }, expected);
  });

  it.each<[string, (userId: string) => Promise<unknown>]>([
    ["create", (userId) => store.create({ userId })],
    ["rotate", (userId) => store.rotate(token, { userId })],
    ["updateClaimsForUser", (userId) => store.updateClaimsForUser(userId, {})],
    ["revokeAllForUser", (userId) => store.revokeAllForUser(userId)],
    ["listForUser", (userId) => store.listForUser(userId)],
    ["blockUser", (userId) => store.blockUser(userId)],
    ["unblockUser", (userId) => store.unblockUser(userId)],
    ["getBlock", (userId) => store.getBlock(userId)],
  ])("%s refuses what is no user id before any I/O", async (_, call) => {
    for (const [userId, message] of noUserId) {
      await expect(call(userId)).rejects.toThrow(RangeError);
      await expect(call(userId)).rejects.toThrow(message);
    }
    await expect(call(anything(42))).rejects.toThrow(new TypeError("userId must be a string, got 42"));
  });

  it("take a malformed token for one that is unknown, without any I/O", async () => {
    for (const rubbish of [undefined, null, 7, true, 7n, Symbol("s"), "", "x".repeat(1 << 20), `${token}=`]) {
      const given = rubbish as string | null | undefined;
      expect(await store.get(rubbish)).toBeNull();
      expect(await store.touch(rubbish)).toBeNull();
      expect(await store.find(given)).toBeNull();
      expect(await store.updateClaims(given, {})).toBeNull();
      expect(await store.updateClaims(given, () => ({}))).toBeNull();
      expect(await store.rotate(rubbish, { userId: "ada" })).toBeNull();
      expect(await store.revoke(given)).toBe(false);
    }
  });

  const session = { id: token.slice(0, 26), userId: "ada", claims: {} };
  const objects: [what: string, object: unknown, got: string][] = [
    ["a session", session, "an object with an id: give that"],
    ["what create returns", { token, session }, "an object with a token: give that"],
    ["a promise of a token", Promise.resolve(token), "a promise: await it"],
    ["a parsed body", { secret: token }, "an object"],
    ["an object without a prototype", Object.create(null), "an object"],
    ["a header that came twice", [token, token], "an array"],
    ["a Buffer", Buffer.from(token), "an object"],
    ["a String", new String(token), "an object"],
    ["a function", () => token, "a function"],
  ];

  it.each(objects)("that end, change or find a session refuse %s before any I/O", async (_, object, got) => {
    const refusal = (verb: string) =>
      new TypeError(`${verb} needs a token or a session id, which are strings, got ${got}`);
    const thrown = (call: Promise<unknown>) => call.catch((error: unknown) => error);
    const given = anything(object);
    expect(await thrown(store.revoke(given))).toEqual(refusal("revoke"));
    expect(await thrown(store.updateClaims(given, {}))).toEqual(refusal("updateClaims"));
    expect(await thrown(store.updateClaims(given, () => ({})))).toEqual(refusal("updateClaims"));
    expect(await thrown(store.find(given))).toEqual(refusal("find"));
    expect(await thrown(store.revokeAllForUser("ada", { except: given }))).toEqual(
      new TypeError("except must be a token or a session id"),
    );
    expect(await thrown(store.revokeAllForUser(given))).toBeInstanceOf(TypeError);
    expect(await thrown(store.listForUser(given))).toBeInstanceOf(TypeError);
    expect(await thrown(store.blockUser(given))).toBeInstanceOf(TypeError);
  });

  it.each(objects)("that look a token up take %s for no token, without any I/O", async (_, object) => {
    expect(await store.get(object)).toBeNull();
    expect(await store.touch(object)).toBeNull();
    expect(await store.rotate(object, { userId: "ada" })).toBeNull();
  });
});

/** Asserts the class and the whole message: toThrow(error) compares the message alone. */
function expectThrown(act: () => unknown, expected: TypeError | RangeError): void {
  expect(act).toThrow(expected);
  expect(act).toThrow(expected instanceof TypeError ? TypeError : RangeError);
}
