/** The API, end to end over HTTP: bearer tokens, devices, roles and blocks. */
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { afterAll, describe, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { ApiRig, PASSWORD } from "./api-rig.js";
import { Device } from "./client.js";
import { startExample } from "./program.js";

const server = await startRedisServer();
afterFile(() => server.stop());

const PLACES: [place: string, connect: () => Redis][] = [
  ["ioredis-mock", () => new RedisMock()],
  ["Redis", () => new Redis(server.url)],
];

describe.each(PLACES)("the API on %s", (_, connect) => {
  const rig = new ApiRig(connect());
  afterAll(() => rig.redis.disconnect());

  it("gives the token in the body of the log-in and nowhere else, and takes it as a bearer token only", () =>
    rig.run(async ({ device }) => {
      const name = rig.stranger();
      const phone = device();
      expect(await phone.post("/users", { name, password: PASSWORD })).toMatchObject({ status: 201, body: { name } });
      const reply = await phone.post("/log-in", { name, password: PASSWORD });
      expect(reply).toMatchObject({ status: 200, body: { name, role: "member" } });
      expect(reply.headers.getSetCookie()).toEqual([]);
      expect(reply.headers.get("cache-control")).toBe("no-store");
      const { token } = reply.body as { token: string };

      phone.token = token;
      expect((await phone.get("/me")).body).toMatchObject({ name, role: "member" });
      for (const cookie of [`session=${token}`, `__Host-session=${token}`]) {
        expect((await device().get("/me", { headers: { cookie } })).status).toBe(401);
      }
      expect(await rig.redis.hget(`api:user:${name}`, "password")).toMatch(/^16384:8:5:/);
    }));

  it("asks for a bearer token where there is none, and says when one is invalid", () =>
    rig.run(async ({ device, logIn }) => {
      const none = await device().get("/me");
      expect(none).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
      expect(none.headers.get("www-authenticate")).toBe("Bearer");

      const phone = await logIn(await rig.person());
      expect((await phone.post("/log-out")).body).toEqual({ ended: true });
      const ended = await phone.get("/me");
      expect(ended.status).toBe(401);
      expect(ended.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
      expect((await phone.post("/log-out")).body).toEqual({ ended: false });
    }));

  it("refuses a wrong password and an unknown name in the same words, and a name that is taken", () =>
    rig.run(async ({ device }) => {
      const name = await rig.person();
      const wrong = await device().post("/log-in", { name, password: "not the password" });
      const unknown = await device().post("/log-in", { name: rig.stranger(), password: PASSWORD });
      expect([wrong.status, wrong.body]).toEqual([unknown.status, unknown.body]);
      expect(wrong.status).toBe(401);
      expect((await device().post("/users", { name, password: "another password" })).status).toBe(409);
      expect((await device().post("/log-in", { name, password: PASSWORD })).status).toBe(200);
    }));

  it.each([
    [{ name: "x".repeat(33), password: PASSWORD }],
    [{ name: "a:b", password: PASSWORD }],
    [{ name: "somebody", password: "short" }],
    [{ name: ["somebody"], password: PASSWORD }],
    [{}],
  ])("refuses %j at the sign-up", (body) =>
    rig.run(async ({ device }) => {
      expect((await device().post("/users", body)).status).toBe(400);
    }),
  );

  it("lists a user's devices, newest first, and signs one out, or all others", () =>
    rig.run(async ({ logIn }) => {
      const name = await rig.person();
      const tablet = await logIn(name, "198.51.100.7", "Tablet");
      const phone = await logIn(name, "192.0.2.1", "Phone");
      const watch = await logIn(name, "2001:db8::1", "Watch");
      const { body } = await phone.get("/devices");
      expect(body).toMatchObject([
        { current: false, ip: "2001:db8::1", userAgent: "Watch" },
        { current: true, ip: "192.0.2.1", userAgent: "Phone" },
        { current: false, ip: "198.51.100.7", userAgent: "Tablet" },
      ]);

      const [{ id }] = body as [{ id: string }];
      expect((await phone.send("DELETE", `/devices/${id}`)).body).toEqual({ ended: true });
      expect((await watch.get("/me")).status).toBe(401);
      expect((await phone.send("DELETE", `/devices/${id}`)).status).toBe(404);
      expect((await phone.send("DELETE", "/devices")).body).toEqual({ ended: 1 });
      expect((await tablet.get("/me")).status).toBe(401);
      expect((await phone.get("/devices")).body).toMatchObject([{ current: true, userAgent: "Phone" }]);
    }));

  it("lets nobody sign out a device of somebody else", () =>
    rig.run(async ({ logIn }) => {
      const [mine, theirs] = [await logIn(await rig.person()), await logIn(await rig.person("admin"))];
      const { session } = (await mine.get("/me")).body as { session: string };
      expect((await theirs.send("DELETE", `/devices/${session}`)).status).toBe(404);
      expect((await mine.get("/me")).status).toBe(200);
    }));

  it("lets only admins administrate, and knows a promotion and a demotion with the next request", () =>
    rig.run(async ({ device, logIn }) => {
      const name = await rig.person();
      const [admin, member] = [await logIn(await rig.person("admin")), await logIn(name)];
      const attempt = () => member.send("PUT", `/users/${name}/role`, { json: { role: "admin" } });
      expect((await device().send("PUT", `/users/${name}/role`, { json: { role: "admin" } })).status).toBe(401);
      expect(await attempt()).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });

      const setRole = (role: string) => admin.send("PUT", `/users/${name}/role`, { json: { role } });
      expect((await setRole("admin")).body).toEqual({ role: "admin", sessions: 1 });
      expect((await attempt()).status).toBe(200);
      expect((await setRole("member")).body).toEqual({ role: "member", sessions: 1 });
      expect((await attempt()).status).toBe(403);
      expect((await setRole("emperor")).status).toBe(400);
      expect((await admin.send("PUT", "/users/nobody-at-all/role", { json: { role: "member" } })).status).toBe(404);
    }));

  it("loses no demotion to a log-in that looked just before it", () =>
    rig.run(async ({ api, logIn }) => {
      const [chief, name] = [await logIn(await rig.person("admin")), await rig.person("admin")];
      let [arrive, release] = [() => {}, () => {}];
      const reached = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const open = new Promise<void>((resolve) => {
        release = resolve;
      });
      const look = api.users.roleOf.bind(api.users);
      let looks = 0;
      api.users.roleOf = async (user) => {
        const role = await look(user);
        looks++;
        // The first is for the allow-list of the role; the second is for the session.
        if (looks === 2) {
          arrive();
          await open;
        }
        return role;
      };
      const logingIn = logIn(name);
      await reached;
      const demotion = await chief.send("PUT", `/users/${name}/role`, { json: { role: "member" } });
      expect(demotion.body).toEqual({ role: "member", sessions: 1 });
      release();
      expect((await (await logingIn).get("/me")).body).toMatchObject({ role: "member" });
    }));

  it("cuts a blocked user off with the next request on every device, and lets nobody know why", () =>
    rig.run(async ({ device, logIn }) => {
      const name = await rig.person();
      const admin = await logIn(await rig.person("admin"));
      const [phone, tablet] = [await logIn(name), await logIn(name)];
      const block = (json: object) => admin.send("PUT", `/users/${name}/block`, { json });
      expect((await block({ minutes: 5, reason: "sold a bridge" })).body).toEqual({ ended: 2 });
      expect((await phone.get("/me")).status).toBe(401);
      expect((await tablet.get("/me")).status).toBe(401);

      const refused = await device().post("/log-in", { name, password: PASSWORD });
      expect(refused).toMatchObject({ status: 403, body: { code: "USER_BLOCKED" } });
      expect(JSON.stringify(refused.body)).not.toContain("bridge");
      // Only who knows the password learns of the block.
      expect((await device().post("/log-in", { name, password: "not the password" })).status).toBe(401);
      const { body } = await admin.get(`/users/${name}/block`);
      expect(body).toMatchObject({ block: { userId: name, reason: "sold a bridge" } });
      const { since, until } = (body as { block: { since: number; until: number } }).block;
      // The start is by the clock of Redis, and the end by this process's.
      expect(Math.abs(until - since - 5 * 60_000)).toBeLessThan(60_000);

      expect((await admin.send("DELETE", `/users/${name}/block`)).body).toEqual({ unblocked: true });
      expect((await phone.get("/me")).status).toBe(401);
      await logIn(name);
      expect((await block({ reason: "again" })).body).toEqual({ ended: 1 });
      expect((await block({ minutes: -1, reason: "again" })).status).toBe(400);
    }));

  it("answers what it does not know in JSON, and keeps its own troubles to itself", () =>
    rig.run(async ({ api, errors, device, logIn }) => {
      expect(await device().get("/nothing")).toMatchObject({ status: 404, body: { error: "No such route" } });
      const headers = { "content-type": "application/json" };
      const malformed = await device().send("POST", "/log-in", { form: { not: "json" }, headers });
      expect([malformed.status, malformed.body]).toEqual([400, { error: "Bad Request" }]);
      const phone = await logIn(await rig.person());
      api.allowList.permits = () => Promise.reject(new Error("the secret plan"));
      expect(await phone.get("/me")).toMatchObject({ status: 500, body: { error: "Internal Server Error" } });
      expect(errors).toMatchObject([{ message: "the secret plan" }]);
    }));
});

describe("the API when Redis is gone", () => {
  it("answers 503 and never 401, and goes on when Redis is back", async () => {
    const own = await startRedisServer({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    afterFile(() => own.stop());
    const redis = new Redis(own.url);
    redis.on("error", () => {});
    afterFile(() => redis.disconnect());
    const rig = new ApiRig(redis);
    await rig.run(
      async ({ errors, logIn }) => {
        const phone = await logIn(await rig.person());
        await own.kill();
        const gone = await phone.get("/me");
        expect(gone).toMatchObject({ status: 503, body: { error: "Service Unavailable" } });
        expect(gone.headers.get("retry-after")).toBe("1");
        expect(errors).toMatchObject([{ code: "STORE_UNAVAILABLE" }]);
        await own.restart();
        await expect.poll(async () => (await phone.get("/me")).status, { timeout: 10_000 }).toBe(200);
      },
      { timeout: 2000 },
    );
  });
});

describe("the API as its README starts it", () => {
  it.each([
    ["ioredis-mock", {}],
    ["Redis", { REDIS_URL: server.url }],
  ])(
    "serves with its sessions in %s, with an admin, and ends when told to",
    async (place, env) => {
      const program = await startExample("api", env);
      expect(program.output()).toContain(`its sessions in ${place}.`);
      const [, password] = /The password of "admin" is (\S+)/.exec(program.output()) ?? [];
      const admin = new Device(program.url);
      const { body } = await admin.post("/log-in", { name: "admin", password });
      admin.token = (body as { token: string }).token;
      expect((await admin.get("/me")).body).toMatchObject({ name: "admin", role: "admin" });
      expect(await program.stop()).toBe(0);
    },
    90_000,
  );
});
