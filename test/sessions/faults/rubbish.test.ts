/**
 * Replies that no script gives, as they come from a transaction that is open on the client, a transformer, or a proxy: every
 * verb rejects, and none takes them for "absent" or for "done", or tries for ever.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createHttpSessions } from "../../../src/http.js";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { introspect } from "../../../src/introspection.js";
import { createJwtSessions } from "../../../src/jwt.js";
import { createOneTimeTokens } from "../../../src/one-time.js";
import { everyVerb, liveSubject, rejection, type Subject, stranger } from "../../fixtures/every-verb.js";
import { inReplyTo } from "../../fixtures/in-reply-to.js";
import { rubbish } from "../../fixtures/rubbish.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";

/** A client, of one server, to which every command comes back as the same reply. */
function echoing(reply: unknown) {
  const answer = async () => reply;
  const run = async (...args: unknown[]) => inReplyTo(args, reply);
  const pipeline = () => {
    const parts: [null, unknown][] = [];
    const add = (...args: unknown[]) => parts.push([null, inReplyTo(args, reply)]);
    return { evalsha: add, eval: add, wait: add, exec: async () => parts };
  };
  const commands = {
    evalsha: run,
    eval: run,
    info: answer,
    config: answer,
    time: answer,
    pipeline,
    on: () => {},
  };
  return commands as unknown as Parameters<typeof createSessionStore>[0];
}

const jwtsOf = (store: SessionStore) =>
  createJwtSessions(store, {
    key: { kid: "1", alg: "HS256", key: new Uint8Array(32).fill(7) },
    issuer: "https://shop.example",
    audience: "https://shop.example",
  });

/** What stands on the store and looks a token up. */
const standing: Readonly<Record<string, (store: SessionStore, subject: Subject) => Promise<unknown>>> = {
  introspect: (store, { token }) => introspect(store, token),
  "introspect with a touch": (store, { token }) => introspect(store, token, { touch: true }),
  "verify of a JWT": async (store, { token, id, userId }) => {
    const times = {
      createdAt: 0,
      authenticatedAt: 0,
      lastSeenAt: 0,
      expiresAt: 0,
      absoluteExpiresAt: Date.now() + 60_000,
    };
    const session = { id, userId, claims: {}, client: {}, ...times };
    return jwtsOf(store).verify(await jwtsOf(store).wrap({ token, session }));
  },
  "load of a request": (store, { token }) =>
    createHttpSessions(store).load({
      method: "GET",
      header: (name) => (name.toLowerCase() === "cookie" ? `__Host-session=${token}` : undefined),
      appendHeader: () => {},
    }),
};

const oneTimeVerbs: Readonly<
  Record<string, (tokens: ReturnType<typeof createOneTimeTokens>, token: string) => Promise<unknown>>
> = {
  issue: (tokens) => tokens.issue({ subject: "ada" }),
  peek: (tokens, token) => tokens.peek(token),
  consume: (tokens, token) => tokens.consume(token),
  revokeForSubject: (tokens) => tokens.revokeForSubject("ada"),
};

describe.each(rubbish)("%s", (_, reply) => {
  const client = echoing(reply);

  it.each(Object.entries(everyVerb))("makes %s reject", async (_, verb) => {
    const store = createSessionStore(client, { timeout: 1000 });
    const events: string[] = [];
    for (const name of ["created", "rotated", "updated", "revoked", "rejected"] as const) {
      store.events.on(name, () => events.push(name));
    }
    const error = await rejection(verb(store, stranger()));
    expect(error).toMatchObject({ name: "StoreUnavailableError", code: "STORE_UNAVAILABLE", status: 503 });
    expect(events).toEqual([]);
  });

  it.each(["revoke", "revokeAllForUser", "blockUser"])("makes %s reject that waits for replicas", async (name) => {
    const store = createSessionStore(client, { replicas: { count: 1, timeout: 50 } });
    const verb = everyVerb[name] ?? expect.fail();
    expect(await rejection(verb(store, stranger()))).toMatchObject({ name: "StoreUnavailableError" });
  });

  it.each(Object.entries(standing))("makes %s reject", async (_, call) => {
    const error = await rejection(call(createSessionStore(client), stranger()));
    expect(error).toMatchObject({ name: "StoreUnavailableError" });
  });

  it.each(Object.entries(oneTimeVerbs))("makes %s of a one-time token reject", async (_, verb) => {
    const tokens = createOneTimeTokens(client, { purpose: "reset", ttl: 60_000 });
    expect(await rejection(verb(tokens, stranger().token))).toMatchObject({ name: "StoreUnavailableError" });
  });
});

it("is never quoted, as it may hold anything", async () => {
  const secret = "hunter2";
  for (const reply of [secret, [secret], ["ok", secret], { secret }, Buffer.from(secret), [["ok", secret]]]) {
    const store = createSessionStore(echoing(reply));
    for (const verb of Object.values(everyVerb)) {
      const error = await rejection(verb(store, stranger()));
      expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(secret);
    }
  }
});

describe("with a WAIT that is answered with rubbish", () => {
  it.each(rubbish)("a revocation does not take %s for confirmed", async (_, reply) => {
    const pipeline = () => {
      const parts: [null, unknown][] = [];
      return {
        evalsha: (...args: unknown[]) => parts.push([null, inReplyTo(args, ["none"])]),
        // The proof behind the WAIT.
        eval: (...args: unknown[]) => parts.push([null, args.at(-1)]),
        wait: () => parts.push([null, reply]),
        exec: async () => parts,
      };
    };
    const client = { evalsha: async () => ["none"], eval: async () => ["none"], on: () => {}, pipeline };
    const store = createSessionStore(client as never, { replicas: { count: 1, timeout: 50 } });
    expect(await rejection(store.revoke(stranger().token))).toMatchObject({ name: "NotReplicatedError" });
  });
});

describe("with a transaction open on the shared client", () => {
  const prefix = uniquePrefix();
  const redis = connect();
  guardKeyspace(redis, prefix);
  const shared = connect();
  const store = createSessionStore(shared, { prefix });
  const own = createSessionStore(redis, { prefix });

  afterEach(() => shared.discard());

  it.each(Object.entries(everyVerb))("%s rejects, and says why", async (name, verb) => {
    const subject = await liveSubject(own, `shared ${name}`);
    await shared.multi({ pipeline: false });
    const error = await rejection(verb(store, subject));
    expect(error).toMatchObject({ name: "StoreUnavailableError" });
    if (name !== "check") expect(error.message).toContain("MULTI");
    // The transaction is not executed, so nothing has changed.
    expect(await own.get(subject.token)).not.toBeNull();
  });
});
