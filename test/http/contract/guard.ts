/** `requireSession`: who gets through, and how it fails where it is used wrongly. */
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { HttpRig } from "./rig.js";

export function describeGuard(rig: HttpRig): void {
  describe("the guard", () => {
    it("lets nobody through without a live session", async () => {
      const app = await rig.open();
      for (const path of ["/me", "/admin", "/admin-of-two", "/user", "/anybody", "/fresh", "/asynchronous"]) {
        const answer = await app.browser().get(path);
        expect([path, answer.status]).toEqual([path, 401]);
      }
      for (const error of app.errors) {
        expect(error).toMatchObject({ code: "UNAUTHENTICATED", message: "Log in first", reauthenticate: false });
      }
      expect(app.errors).toHaveLength(7);
    });

    it("lets nobody through with a session that has expired", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      // The idle timeout is 30 minutes. What Redis does not delete in time is dead all the same.
      await rig.age(browser.id, 30 * 60_000);
      expect((await browser.get("/me")).status).toBe(401);
    });

    it("compares every claim that it names, by its value", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn("role=admin");
      expect((await browser.get("/admin")).status).toBe(200);
      expect((await browser.get("/admin-of-two")).status).toBe(403);
      await browser.post("/claim?team=blue");
      expect((await browser.get("/admin-of-two")).status).toBe(403);
      await browser.post("/claim?team=red");
      expect((await browser.get("/admin-of-two")).status).toBe(200);
      await browser.post("/claim?role=member");
      expect((await browser.get("/admin-of-two")).status).toBe(403);
    });

    it("compares lists and objects by their value too, as a whole", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const team = { name: "red", size: 2 };
      for (const [claims, status] of [
        [{ roles: ["admin", "editor"], team: { size: 2, name: "red" } }, 200],
        [{ roles: ["editor", "admin"], team }, 403],
        [{ roles: ["admin"], team }, 403],
        [{ roles: ["admin", "editor", "owner"], team }, 403],
        [{ roles: { 0: "admin", 1: "editor" }, team }, 403],
        [{ roles: "admin,editor", team }, 403],
        [{ roles: ["admin", "editor"], team: { name: "red" } }, 403],
        [{ roles: ["admin", "editor"], team: { ...team, more: null } }, 403],
        [{ roles: ["admin", "editor"], team: { ...team, size: "2" } }, 403],
        [{ roles: ["admin", "editor"], team: null }, 403],
        [{ roles: ["admin", "editor"], team }, 200],
      ] as const) {
        await browser.post(`/claims?claims=${encodeURIComponent(JSON.stringify(claims))}`);
        expect([claims, (await browser.get("/deep")).status]).toEqual([claims, status]);
      }
    });

    it("takes a test of the whole session", async () => {
      const app = await rig.open();
      const browser = app.browser();
      await browser.post("/guest");
      expect((await browser.get("/user")).status).toBe(403);
      await browser.post("/login");
      expect((await browser.get("/user")).status).toBe(200);
    });

    it("lets a guest through only where it is told to", async () => {
      const app = await rig.open();
      const browser = app.browser();
      await browser.post("/guest");
      expect((await browser.get("/anybody")).status).toBe(200);
      for (const path of ["/me", "/admin", "/fresh"]) {
        const answer = await browser.get(path);
        expect([path, answer.status]).toEqual([path, 401]);
      }
      expect(app.errors.at(-1)).toMatchObject({ code: "UNAUTHENTICATED", reauthenticate: false });
    });

    it("lets nobody through on a promise, which is always truthy", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const answer = await browser.get("/asynchronous");
      expect(answer.status).toBe(500);
      expect(app.errors.at(-1)).toMatchObject({
        name: "TypeError",
        message: "where must return a boolean, got an object",
      });
    });

    it("says 403 with no word on what would have been needed", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const answer = await browser.get("/admin");
      expect(answer.status).toBe(403);
      expect(answer.body).not.toContain("admin");
      expect(answer.headers["www-authenticate"]).toBeUndefined();
    });

    it("refuses options that make no sense, when the application starts", async () => {
      const open = (options: unknown) => rig.open({ options: options as never });
      // The function that the application has called, and what it takes beside these.
      await expect(open({ cookies: {} })).rejects.toThrow(
        /^(sessions|create\w+): there is no option "cookies"; did you mean "cookie"\? The options are cookie, bearer, csrf, slide(, \w+)*$/,
      );
      await expect(open({ bearer: "yes" })).rejects.toThrow(new TypeError('bearer must be a boolean, got "yes"'));
      await expect(open({ cookie: { name: "__Host-x", path: "/x" } })).rejects.toThrow(TypeError);
      await expect(open({ csrf: { trustedOrigins: ["example.com"] } })).rejects.toThrow(TypeError);
      await expect(rig.open({ store: {} as never })).rejects.toThrow(
        new TypeError("The store must be one that createSessionStore made, got an object"),
      );
    });
  });

  const { requireSession } = rig.framework;
  // Plain node:http has no middleware, and so no guard to put before a route: `session.require` is all there is.
  if (requireSession === undefined) return;
  describe("requireSession", () => {
    it("fails with a TypeError where sessions() was left out", async () => {
      const app = await rig.open({ hasSessions: false });
      const answer = await app.send("GET", "/me");
      expect(answer.status).toBe(500);
      expect(app.errors).toHaveLength(1);
      expect(app.errors[0]).toBeInstanceOf(TypeError);
      expect((app.errors[0] as Error).message).toMatch(
        /^requireSession\(\) needs app\.(use\(sessions\(store\)\)|register\(sessions, \{ store \}\)) before it$/,
      );
    });

    it("says that it has to be called, where a route was given it in the place of the guard that it makes", async () => {
      const given = new TypeError("requireSession was given a request: write requireSession(), which makes the guard");
      const request = new IncomingMessage(new Socket());
      // As of Express; and as of Koa and Hono.
      for (const context of [request, Object.assign(Object.create(Object.create({})), { req: request })]) {
        expect(() => requireSession(context as never)).toThrow(given);
      }
      // Options may be of a class, or of another realm.
      class Options {
        guest = true;
      }
      expect(() => requireSession(new Options() as never)).not.toThrow();
      expect(() => requireSession(runInNewContext("({ wher: 1 })") as never)).toThrow('there is no option "wher"');
    });

    it("refuses a requirement that could never be meant, when it is made", () => {
      const guard = (requirement: unknown) => () => requireSession(requirement as never);
      expect(guard({ wher: {} })).toThrow(
        new TypeError(
          'requireSession: there is no option "wher"; did you mean "where"? The options are where, freshWithin, guest, redirectTo',
        ),
      );
      expect(guard(null)).toThrow(TypeError);
      expect(guard({ where: "admin" })).toThrow(new TypeError('where must be an object, got "admin"'));
      expect(guard({ where: ["admin"] })).toThrow(new TypeError("where must be an object, got an array"));
      expect(guard({ where: null })).toThrow(new TypeError("where must be an object, got null"));
      expect(guard({ freshWithin: "5m" })).toThrow(new TypeError('freshWithin (ms) must be a number, got "5m"'));
      expect(guard({ freshWithin: 0 })).toThrow(RangeError);
      expect(guard({ freshWithin: Number.NaN })).toThrow(RangeError);
      expect(guard({ where: {}, freshWithin: 1 })).toThrow(new TypeError("where must name a claim"));
      const undefinedRole = 'where must hold JSON values: undefined as "role" is no value';
      expect(guard({ where: { role: undefined } })).toThrow(new TypeError(undefinedRole));
      expect(guard({ where: { team: { role: undefined } } })).toThrow(new TypeError(undefinedRole));
      for (const value of [Number.NaN, () => true, new Date(0), new Set(["a"]), [undefined], 1n, Symbol("x")]) {
        expect(guard({ where: { role: value } })).toThrow(/^where must hold JSON values: /);
      }
      const ring: Record<string, unknown> = {};
      ring["ring"] = ring;
      expect(guard({ where: ring })).toThrow(TypeError);
      for (const value of [null, "", 0, false, [], {}, { a: [{}] }])
        expect(guard({ where: { role: value } })).not.toThrow();
      expect(guard(undefined)).not.toThrow();
    });
  });
}
