/** The API, end to end over HTTP: rate limits and lists of allowed addresses, both kept in Redis. */
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { afterAll, describe, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { ApiRig, HOME, PASSWORD } from "./api-rig.js";

const OFFICE = "203.0.113.9";
const server = await startRedisServer();
afterFile(() => server.stop());

const PLACES: [place: string, connect: () => Redis][] = [
  ["ioredis-mock", () => new RedisMock()],
  ["Redis", () => new Redis(server.url)],
];

describe.each(PLACES)("the limits of the API on %s", (_, connect) => {
  const rig = new ApiRig(connect());
  afterAll(() => rig.redis.disconnect());

  it("counts a user's requests over all devices, and answers 429 with Retry-After beyond the limit", () =>
    rig.run(
      async ({ logIn }) => {
        const name = await rig.person();
        const [phone, tablet] = [await logIn(name), await logIn(name)];
        expect((await phone.get("/me")).headers.get("x-ratelimit-remaining")).toBe("2");
        expect((await tablet.get("/me")).headers.get("x-ratelimit-remaining")).toBe("1");
        expect((await phone.get("/devices")).headers.get("x-ratelimit-remaining")).toBe("0");
        for (const device of [phone, tablet, await logIn(name)]) {
          const refused = await device.get("/me");
          expect(refused).toMatchObject({ status: 429, body: { error: "Too many requests" } });
          const seconds = Number(refused.headers.get("retry-after"));
          expect(seconds).toBeGreaterThan(0);
          expect(seconds).toBeLessThanOrEqual(60);
        }
        const other = await logIn(await rig.person());
        expect((await other.get("/me")).status).toBe(200);
        // A token that is feared to be stolen can always be voided.
        expect((await phone.post("/log-out")).body).toEqual({ ended: true });
      },
      { limit: { points: 3, seconds: 60 } },
    ));

  it("lets exactly as many of ten requests at once through as the limit says", () =>
    rig.run(
      async ({ logIn }) => {
        const phone = await logIn(await rig.person());
        const replies = await Promise.all(Array.from({ length: 10 }, () => phone.get("/me")));
        expect(replies.filter(({ status }) => status === 200)).toHaveLength(4);
        expect(replies.filter(({ status }) => status === 429)).toHaveLength(6);
      },
      { limit: { points: 4, seconds: 60 } },
    ));

  it("shares the count between processes", () =>
    rig.run(
      ({ logIn }) =>
        rig.run(
          async (other) => {
            const name = await rig.person();
            const [phone, tablet] = [await logIn(name), await other.logIn(name)];
            expect((await phone.get("/me")).status).toBe(200);
            expect((await tablet.get("/me")).status).toBe(200);
            expect((await phone.get("/me")).status).toBe(429);
          },
          { limit: { points: 2, seconds: 60 } },
        ),
      { limit: { points: 2, seconds: 60 } },
    ));

  it("lets a user go on when the time that Retry-After tells has passed", () =>
    rig.run(
      async ({ logIn }) => {
        const phone = await logIn(await rig.person());
        await phone.get("/me");
        const refused = await phone.get("/me");
        expect(refused.status).toBe(429);
        const seconds = Number(refused.headers.get("retry-after"));
        expect([1, 2]).toContain(seconds);
        await wait(1000 * seconds + 100);
        expect((await phone.get("/me")).status).toBe(200);
      },
      // Long enough for the second request to come in time.
      { limit: { points: 1, seconds: 2 } },
    ));

  it("limits the log-ins that an address may try, and those of no other address", () =>
    rig.run(
      async ({ device, logIn }) => {
        const name = await rig.person();
        const guess = (address: string) => device(address).post("/log-in", { name, password: "not the password" });
        const address = "198.51.100.200";
        expect([(await guess(address)).status, (await guess(address)).status]).toEqual([401, 401]);
        const refused = await guess(address);
        expect(refused.status).toBe(429);
        expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
        await logIn(name, "198.51.100.201");
      },
      { entranceLimit: { points: 2, seconds: 60 } },
    ));

  it("lets a user in from the addresses of the user's own list only, from the next request on", () =>
    rig.run(async ({ device, logIn }) => {
      const name = await rig.person();
      const admin = await logIn(await rig.person("admin"));
      const [atHome, atWork] = [await logIn(name, HOME), await logIn(name, OFFICE)];
      const allow = (addresses: string[]) => admin.send("PUT", `/users/${name}/allow-list`, { json: { addresses } });

      expect((await allow(["203.0.113.0/24", "2001:db8::/32"])).body).toEqual({
        addresses: ["2001:db8::/32", "203.0.113.0/24"],
      });
      expect((await atWork.get("/me")).status).toBe(200);
      expect(await atHome.get("/me")).toMatchObject({ status: 403, body: { error: "Not from this address" } });
      expect((await device(HOME).post("/log-in", { name, password: PASSWORD })).status).toBe(403);
      expect((await device(HOME).post("/log-in", { name, password: "not the password" })).status).toBe(401);
      await logIn(name, "2001:db8:1::7");
      // The same token, taken elsewhere, is worth nothing there.
      const thief = device("192.0.2.66");
      thief.token = atWork.token;
      expect((await thief.get("/me")).status).toBe(403);

      await allow([]);
      expect((await atHome.get("/me")).status).toBe(200);
    }));

  it("takes the list of the role for those who have none of their own", () =>
    rig.run(async ({ logIn }) => {
      const admin = await logIn(await rig.person("admin"), OFFICE);
      const [plain, special] = [await rig.person(), await rig.person()];
      const [one, other] = [await logIn(plain, HOME), await logIn(special, HOME)];
      const otherAtWork = await logIn(special, OFFICE);
      const put = (path: string, addresses: unknown) => admin.send("PUT", path, { json: { addresses } });
      await put(`/users/${special}/allow-list`, [HOME]);
      try {
        await put("/roles/member/allow-list", [OFFICE]);
        expect((await one.get("/me")).status).toBe(403);
        expect((await other.get("/me")).status).toBe(200);
        expect((await otherAtWork.get("/me")).status).toBe(403);
        expect((await admin.get("/me")).status).toBe(200);
      } finally {
        await put("/roles/member/allow-list", []);
      }
      expect((await one.get("/me")).status).toBe(200);
      expect((await put("/roles/emperor/allow-list", [])).status).toBe(404);
    }));

  it.each([[["localhost"]], [["203.0.113.0/33"]], [["203.0.113.0/"]], [["203.0.113.0/8/8"]], [[7]], ["203.0.113.9"]])(
    "refuses %j as a list",
    (addresses) =>
      rig.run(async ({ api, logIn }) => {
        const name = await rig.person("admin");
        const admin = await logIn(name);
        expect((await admin.send("PUT", `/users/${name}/allow-list`, { json: { addresses } })).status).toBe(400);
        expect(await api.allowList.get(`user:${name}`)).toEqual([]);
      }),
  );
});

// ioredis-mock has no error for a key that holds something else.
describe("the limits of the API on a Redis that fails", () => {
  const rig = new ApiRig(new Redis(server.url));
  afterAll(() => rig.redis.disconnect());

  it("says that it is Redis, and not the client, when the limit cannot be counted", () =>
    rig.run(
      async ({ errors, logIn }) => {
        const name = await rig.person();
        const phone = await logIn(name);
        await rig.redis.lpush(`api:rate:user:${name}`, "not a number");
        expect((await phone.get("/me")).status).toBe(500);
        expect(String(errors)).toContain("WRONGTYPE");
      },
      { limit: { points: 3, seconds: 60 } },
    ));
});
