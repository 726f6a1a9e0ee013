/**
 * Ports of frameworks that have a jar of cookies in place of headers, as `next/headers` and SvelteKit do, and whose headers are
 * `null` if they were not sent.
 */
import { describe, expect, it } from "vitest";
import { type CookieAttributes, createHttpSessions, type HttpPort } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });
const http = createHttpSessions(store);

type Kept = { value: string } & Omit<CookieAttributes, "httpOnly"> & { httpOnly: boolean };

/** What `await cookies()` of next/headers takes: one object, with the name in it. */
class NextJar {
  readonly kept = new Map<string, Kept>();
  set({ name, ...cookie }: { name: string } & Kept) {
    this.kept.set(name, cookie);
  }
}

/** What `event.cookies` of SvelteKit takes: it demands a path. */
class SvelteKitJar {
  readonly kept = new Map<string, Kept>();
  set(name: string, value: string, options: Omit<Kept, "value">) {
    if (options.path === undefined)
      throw new Error("You must specify a `path` when setting, deleting or serializing cookies");
    this.kept.set(name, { value, ...options });
  }
}

const SHAPES = [
  {
    name: "next/headers",
    open(headers: Headers) {
      const jar = new NextJar();
      const port: HttpPort = {
        method: "POST",
        header: (name) => headers.get(name),
        appendHeader() {},
        setCookie: (name, value, attributes) => jar.set({ name, value, ...attributes }),
      };
      return { kept: jar.kept, port };
    },
  },
  {
    name: "SvelteKit",
    open(headers: Headers) {
      const jar = new SvelteKitJar();
      const port: HttpPort = {
        method: "POST",
        header: (name) => headers.get(name),
        appendHeader() {},
        setCookie: (name, value, attributes) => jar.set(name, value, attributes),
      };
      return { kept: jar.kept, port };
    },
  },
];

const LASTING = { httpOnly: true, secure: true, sameSite: "lax", path: "/" };

describe.each(SHAPES)("a jar of $name", ({ open }) => {
  it("gets the cookie of a log-in, of a rotation and of a log-out", async () => {
    const first = open(new Headers());
    const session = await http.load(first.port);
    const { token } = await session.start({ userId: "ada" });
    expect([...first.kept]).toEqual([["__Host-session", { value: token, ...LASTING, maxAge: 12 * 60 * 60 }]]);

    const second = open(new Headers({ cookie: `__Host-session=${token}` }));
    const issued = await (await http.load(second.port)).rotate();
    expect(second.kept.get("__Host-session")?.value).toBe(issued?.token);

    const third = open(new Headers({ cookie: `__Host-session=${issued?.token}` }));
    expect(await (await http.load(third.port)).end()).toBe(true);
    expect([...third.kept]).toEqual([["__Host-session", { value: "", ...LASTING, maxAge: 0 }]]);
  });

  it("gets a cookie that ends with the browser without an age, and one that is partitioned as such", async () => {
    const { kept, port } = open(new Headers());
    const partitioned = createHttpSessions(store, { cookie: { partitioned: true, persistent: false } });
    const { token } = await (await partitioned.load(port)).start({ userId: "ada" });
    const attributes = { ...LASTING, sameSite: "none", partitioned: true };
    expect([...kept]).toEqual([["__Host-session", { value: token, ...attributes }]]);
  });
});

describe("a header that was not sent", () => {
  const headersOf = (absent: null | undefined, sent: Record<string, string>) => (name: string) => sent[name] ?? absent;

  it.each([
    ["no credential", () => ({})],
    ["a token", (token: string) => ({ cookie: `__Host-session=${token}` })],
    [
      "a token and an origin without a host",
      (token: string) => ({ cookie: `__Host-session=${token}`, origin: "https://a.example" }),
    ],
    ["a bearer token", (token: string) => ({ authorization: `Bearer ${token}` })],
    ["two tokens", (token: string) => ({ cookie: `__Host-session=${token}; __Host-session=${"x".repeat(70)}` })],
    ["a page", () => ({ accept: "text/html" })],
  ])("is the same as null and as undefined, for a request with %s", async (_, sent) => {
    const both = createHttpSessions(store, { bearer: true });
    const outcomes = await Promise.all(
      [null, undefined].flatMap((absent) =>
        ["GET", "POST"].map(async (method) => {
          const { token } = await store.create({ userId: "ada" });
          const headers: string[] = [];
          const port: HttpPort = {
            method,
            url: "/cart",
            header: headersOf(absent, sent(token)),
            appendHeader: (name, value) =>
              headers.push(`${name}: ${value.replace(/=[0-9A-Z]{26}\.[\w-]{43}/, "=token")}`),
          };
          const told = async (call: () => unknown) => {
            try {
              return await call();
            } catch (error) {
              return String(error);
            }
          };
          const session = await told(() => both.load(port));
          if (typeof session === "string") return { method, session };
          const loaded = session as Awaited<ReturnType<typeof both.load>>;
          return {
            method,
            user: loaded.current?.userId,
            admitted: await told(() => loaded.admit({ redirectTo: "/login" })),
            client: await told(async () => (await loaded.start({ userId: "ada" })).session.client),
            ended: await told(() => loaded.end({ clearSiteData: true })),
            headers,
          };
        }),
      ),
    );
    const [getNull, postNull, getUndefined, postUndefined] = outcomes;
    expect([getNull, postNull]).toEqual([getUndefined, postUndefined]);
    expect(JSON.stringify(outcomes)).not.toMatch(/Cannot read|not a function|"null"/);
  });
});
