/** Verbs of a request that fail half-way, and responses that are sent while a verb is under way. */
import { describe, expect, it } from "vitest";
import { createHttpSessions, type HttpOptions, type HttpPort } from "../../src/http.js";
import { createSessionStore, NotReplicatedError, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });

interface TestPort extends HttpPort {
  readonly sent: [name: string, value: string][];
  isSent: boolean;
}

function portOf(token?: string, more: Record<string, string> = {}): TestPort {
  const headers: Record<string, string> = {
    ...more,
    ...(token === undefined ? {} : { cookie: `__Host-session=${token}` }),
  };
  const port: TestPort = {
    sent: [],
    isSent: false,
    method: "POST",
    header: (name) => headers[name],
    appendHeader: (name, value) => {
      if (port.isSent) throw new Error("Cannot set headers after they are sent to the client");
      port.sent.push([name, value]);
    },
    writable: () => !port.isSent,
  };
  return port;
}

const CLEARED = "__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax";

async function opened(own: Partial<SessionStore>, options?: HttpOptions) {
  const { token, session } = await store.create({ userId: "ada" });
  const port = portOf(token);
  const loaded = await createHttpSessions({ ...store, ...own }, options).load(port);
  return { token, id: session.id, port, session: loaded };
}

describe("an end that too few replicas have confirmed", () => {
  const cause = new Error("the connection is gone");
  const short = async () => {
    throw new NotReplicatedError(1, 2, { cause });
  };

  it.each<[string, (session: Awaited<ReturnType<typeof opened>>["session"]) => Promise<unknown>]>([
    ["end", (session) => session.end()],
    ["endAll", (session) => session.endAll()],
    ["rotate", (session) => session.rotate()],
    ["start of a user", (session) => session.start({ userId: "eve" })],
    ["start of a guest", (session) => session.start()],
  ])("is told by an error that has all the headers, and leaves no session: %s", async (_, act) => {
    const { port, session } = await opened({ revoke: short, revokeAllForUser: short, rotate: short });
    const error = await act(session).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotReplicatedError);
    expect(error).toMatchObject({ confirmed: 1, wanted: 2, cause, status: 503, code: "NOT_REPLICATED" });
    expect((error as NotReplicatedError).headers).toEqual({
      "Retry-After": "1",
      "Cache-Control": "no-store",
      "Set-Cookie": CLEARED,
    });
    expect(port.sent).toContainEqual(["Set-Cookie", CLEARED]);
    expect(port.sent).toContainEqual(["Cache-Control", "no-store"]);
    expect(session.current).toBeNull();
    expect(await session.updateClaims({ a: 1 })).toBeNull();
  });

  it("is recognised when it comes from another copy of the package", async () => {
    class NotReplicated extends StoreUnavailableError {
      override readonly code = "NOT_REPLICATED";
      readonly confirmed = 0;
      readonly wanted = 3;
    }
    const revoke = async () => {
      throw new NotReplicated("elsewhere");
    };
    const { session } = await opened({ revoke });
    await expect(session.end()).rejects.toMatchObject({ wanted: 3, headers: { "Set-Cookie": CLEARED } });
    expect(session.current).toBeNull();
  });

  it("has nothing to say of cookies where the head is sent already", async () => {
    const { port, session } = await opened({ revoke: short });
    port.isSent = true;
    await expect(session.end({ clearSiteData: true })).rejects.toBeInstanceOf(NotReplicatedError);
    expect(port.sent).toEqual([]);
    expect(session.current).toBeNull();
  });
});

describe("an end of which nothing is known", () => {
  it("leaves session and cookie as they are", async () => {
    const down = async () => {
      throw new StoreUnavailableError("down");
    };
    const { port, session, id } = await opened({ revoke: down, revokeAllForUser: down, rotate: down });
    for (const act of [() => session.end(), () => session.endAll(), () => session.rotate(), () => session.start()]) {
      await expect(act()).rejects.toBeInstanceOf(StoreUnavailableError);
    }
    expect(session.current?.id).toBe(id);
    expect(port.sent.filter(([name]) => name === "Set-Cookie")).toEqual([]);
  });
});

describe("a response that is sent while a verb is under way", () => {
  /** A store whose verbs hold their answer until the head is sent. */
  const sendingMeanwhile = (port: () => TestPort): Partial<SessionStore> => ({
    create: async (options) => {
      const issued = await store.create(options);
      port().isSent = true;
      return issued;
    },
    rotate: async (token, options) => {
      const issued = await store.rotate(token, options);
      port().isSent = true;
      return issued;
    },
  });
  const UNAWAITED = new TypeError("The response was sent before its cookie was there: await start() and rotate()");

  it("leaves no session whose cookie nobody got, and says so", async () => {
    for (const verb of ["start", "rotate"] as const) {
      const made: string[] = [];
      let port: TestPort | undefined;
      const own = sendingMeanwhile(() => port as TestPort);
      const before = await opened(own);
      port = before.port;
      const remember = ({ id }: { id: string }) => made.push(id);
      store.events.on("created", remember).on("rotated", remember);
      await expect(before.session[verb]()).rejects.toThrow(UNAWAITED);
      store.events.off("created", remember).off("rotated", remember);
      expect(made.length).toBeGreaterThan(0);
      for (const id of made) expect(await store.find(id)).toBeNull();
      expect(before.session.current).toBeNull();
      expect(port.sent.filter(([name]) => name === "Set-Cookie")).toEqual([]);
    }
  });

  it("does not matter to a bearer token, which travels in the body", async () => {
    const { token } = await store.create({ userId: "ada" });
    const port = portOf(undefined, { authorization: `Bearer ${token}` });
    const http = createHttpSessions({ ...store, ...sendingMeanwhile(() => port) }, { bearer: true });
    const issued = await (await http.load(port)).rotate();
    expect((await store.get(issued?.token))?.userId).toBe("ada");
  });
});
