/** examples/passport, started as its README says: log-in, log-out, and every device at once. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { afterFile, connect, keysUnder } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Device } from "./client.js";
import { type Program, startExample } from "./program.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const ADMIN_KEY = "a key of the administrator alone";
const programs = new Map<string, Program>();

// A build may come before.
beforeAll(async () => {
  const start = async (where: string, env: Record<string, string>) => {
    programs.set(where, await startExample("passport", { NODE_ENV: "development", ADMIN_KEY, ...env }));
  };
  await Promise.all([start("Redis", { REDIS_URL: server.url }), start("ioredis-mock", {})]);
}, 120_000);

/** Also what the page of the frameworks shows. */
describe("docs/frameworks/passport.md", () => {
  it("shows what is in the program", () => {
    const program = readFileSync(new URL("../../examples/passport/app.ts", import.meta.url), "utf8");
    const blocks = new MarkdownDocument(new URL("../../docs/frameworks/passport.md", import.meta.url)).blocks("ts");
    expect(blocks.length).toBeGreaterThan(4);
    expect(blocks.map(({ code }) => code.trim()).filter((code) => !program.includes(code))).toEqual([]);
  });
});

const sessionIds = async () => (await keysUnder(redis, "sess:")).map((key) => key.slice("sess:".length));
const idIn = (cookie: string) => /s%3A([\w-]+)\./.exec(cookie)?.[1];

describe.each(["Redis", "ioredis-mock"])("with its sessions in %s", (where) => {
  const program = () => programs.get(where) as Program;
  const device = (userAgent = "test") => new Device(program().url, { "user-agent": userAgent });
  const passwordOf = (name: string) => new RegExp(`${name} with the password (\\S+)`).exec(program().output())?.[1];

  async function logIn(name: string, visitor = device()): Promise<Device> {
    const { status, body } = await visitor.post("/log-in", { name, password: passwordOf(name) });
    expect([status, body]).toEqual([200, { user: name }]);
    return visitor;
  }
  const userOf = async (visitor: Device) => ((await visitor.get("/")).body as { user: string | null }).user;
  /** The holder of a cookie, who takes no other. */
  const holderOf = (cookie: string) => new Device(program().url, { cookie });

  it("logs in with the right password alone", async () => {
    const visitor = device();
    for (const attempt of [
      { name: "ada", password: passwordOf("max") },
      { name: "ada", password: "" },
      { name: "nobody", password: passwordOf("ada") },
      { name: "ada" },
    ]) {
      const { status, headers } = await visitor.post("/log-in", attempt);
      expect([attempt, status]).toEqual([attempt, expect.toSatisfy((code: number) => code === 400 || code === 401)]);
      expect(headers.getSetCookie()).toEqual([]);
    }
    expect(await userOf(await logIn("ada", visitor))).toBe("ada");
  });

  // Session fixation: the attacker's own guest session, put into the victim's browser.
  it("gives a session another id at the log-in, and ends the one before", async () => {
    const victim = device();
    await victim.get("/");
    const planted = victim.cookie;
    await logIn("ada", victim);
    expect(idIn(victim.cookie)).not.toBe(idIn(planted));
    if (where === "Redis") {
      expect(await sessionIds()).toContain(idIn(victim.cookie));
      expect(await sessionIds()).not.toContain(idIn(planted));
    }
    expect((await holderOf(planted).get("/")).body).toEqual({ visits: 1, user: null });
    expect((await holderOf(planted).get("/devices")).status).toBe(401);
  });

  it("logs out one device, also whoever has kept its cookie", async () => {
    const [laptop, phone] = [await logIn("ada"), await logIn("ada")];
    const kept = laptop.cookie;
    expect((await laptop.post("/log-out")).status).toBe(204);
    expect(await userOf(laptop)).toBeNull();
    expect(await userOf(holderOf(kept))).toBeNull();
    expect(await userOf(phone)).toBe("ada");
  });

  it("lists a user's devices, without the ids of their sessions", async () => {
    const everywhere = await logIn("max");
    await everywhere.post("/sign-out-everywhere");
    const laptop = await logIn("max", device("Laptop"));
    await logIn("max", device("Phone"));
    await logIn("ada", device("Tablet"));
    const { body } = await laptop.get("/devices");
    expect(body).toHaveLength(2);
    expect(body).toEqual(
      expect.arrayContaining([
        { device: "Laptop", current: true },
        { device: "Phone", current: false },
      ]),
    );
  });

  it("signs out everywhere else", async () => {
    const laptop = await logIn("max");
    await laptop.post("/sign-out-everywhere-else");
    const [phone, tablet, other] = [await logIn("max"), await logIn("max"), await logIn("ada")];
    expect((await laptop.post("/sign-out-everywhere-else")).body).toEqual({ ended: 2 });
    expect(await Promise.all([laptop, phone, tablet, other].map(userOf))).toEqual(["max", null, null, "ada"]);
  });

  it("signs out everywhere, and the request that asked for it brings nothing back", async () => {
    const laptop = await logIn("max");
    await laptop.post("/sign-out-everywhere-else");
    const phone = await logIn("max");
    const ids = [laptop, phone].map(({ cookie }) => idIn(cookie));
    expect((await laptop.post("/sign-out-everywhere")).body).toEqual({ ended: 2 });
    expect(await Promise.all([laptop, phone].map((one) => one.get("/devices").then(({ status }) => status)))).toEqual([
      401, 401,
    ]);
    if (where === "Redis") for (const id of ids) expect(await sessionIds()).not.toContain(id);
    expect(await userOf(await logIn("max", laptop))).toBe("max");
  });

  // The mock has no server that could be frozen.
  if (where === "Redis") {
    it("answers 503 while Redis does not answer, and nobody is logged out by that", async () => {
      const laptop = await logIn("ada");
      const before = program().output().length;
      server.freeze();
      try {
        const answers = await Promise.all([laptop.get("/"), laptop.get("/devices"), laptop.post("/log-out")]);
        expect(answers.map(({ status, headers }) => [status, headers.getSetCookie()])).toEqual([
          [503, []],
          [503, []],
          [503, []],
        ]);
      } finally {
        server.thaw();
      }
      const printed = program().output().slice(before);
      expect(printed).toContain("did not answer");
      expect(printed).not.toMatch(/^\s+at /m);
      await expect.poll(() => userOf(laptop)).toBe("ada");
    });
  }

  // The last: these accounts stay blocked.
  it("refuses a blocked user at once, on every device, and at the log-in", async () => {
    const [laptop, phone, other] = [await logIn("max"), await logIn("max"), await logIn("ada")];
    const block = (key: string) => device().send("POST", "/block/max", { headers: { authorization: `Bearer ${key}` } });
    expect((await block("another key")).status).toBe(401);
    expect(await userOf(laptop)).toBe("max");
    const kept = laptop.cookie;
    expect((await block(ADMIN_KEY)).status).toBe(200);
    expect(await Promise.all([laptop, phone, holderOf(kept), other].map(userOf))).toEqual([null, null, null, "ada"]);
    expect((await phone.get("/devices")).status).toBe(401);
    const again = await device().post("/log-in", { name: "max", password: passwordOf("max") });
    expect([again.status, again.headers.getSetCookie()]).toEqual([401, []]);
    expect(program().output()).not.toMatch(/^\s+at /m);
  });
});
