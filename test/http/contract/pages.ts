/** What a browser's user gets to see: the log-in page in place of a 401, and no page of somebody else's from a cache. */
import { describe, expect, it } from "vitest";
import { MINUTE } from "./app.js";
import { bearer, cookie, type HttpRig } from "./rig.js";

const PAGE = { "Sec-Fetch-Mode": "navigate", Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

export function describePages(rig: HttpRig): void {
  describe("a guarded page without a session", () => {
    it("sends a browser to the log-in page, with the address that it asked for", async () => {
      const app = await rig.open();
      for (const headers of [PAGE, { "Sec-Fetch-Mode": "navigate" }, { Accept: "text/html" }]) {
        const answer = await app.send("GET", "/page?tab=2&q=a%26b", headers);
        expect(answer.status).toBe(303);
        expect(answer.headers.location).toBe("/sign-in?lang=de&returnTo=%2Fpage%3Ftab%3D2%26q%3Da%2526b#form");
        expect(answer.headers["cache-control"]).toBe("no-store");
        expect(answer.headers["set-cookie"]).toBeUndefined();
      }
      expect(app.errors).toEqual([]);
    });

    it("answers scripts and what may change something with 401", async () => {
      const app = await rig.open();
      for (const headers of [
        {},
        { Accept: "*/*" },
        { Accept: "application/json" },
        { Accept: "application/json", "Sec-Fetch-Mode": "cors" },
        { Accept: "text/htmlx" },
        { "Sec-Fetch-Mode": "websocket" },
      ]) {
        const answer = await app.send("GET", "/page", headers);
        expect([headers, answer.status, answer.headers.location]).toEqual([headers, 401, undefined]);
      }
      expect((await app.send("POST", "/page", { ...PAGE, "Sec-Fetch-Site": "same-origin" })).status).toBe(401);
      expect(app.errors.at(-1)).toMatchObject({ code: "UNAUTHENTICATED" });
    });

    it("asks whose log-in is too old to log in again, and tells who lacks a role 403", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.get("/page", PAGE)).status).toBe(200);
      expect((await browser.get("/fresh-page", PAGE)).status).toBe(200);
      await rig.age(browser.id, 11 * MINUTE);
      const answer = await browser.get("/fresh-page", PAGE);
      expect([answer.status, answer.headers.location]).toEqual([303, "/sign-in?returnTo=%2Ffresh-page"]);
      expect((await browser.get("/admin-page", PAGE)).status).toBe(403);
      const guest = app.browser();
      await guest.post("/guest");
      expect((await guest.get("/admin-page", PAGE)).status).toBe(303);
    });

    it("ends on the log-in page, though that has the same guard", async () => {
      const app = await rig.open();
      expect((await app.send("GET", "/sign-in?returnTo=%2Fpage", PAGE)).status).toBe(401);
    });

    it("carries no address along that leads elsewhere, or is very long", async () => {
      const app = await rig.open();
      const long = await app.send("GET", `/admin-page?${"x".repeat(2000)}`, PAGE);
      expect([long.status, long.headers.location]).toEqual([303, "/sign-in"]);
    });
  });

  describe("a page that shows who is logged in", () => {
    it("is stored by no cache, and the page of nobody is for nobody else", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      const mine = await app.send("GET", "/", cookie(token));
      expect([mine.headers["cache-control"], mine.headers["vary"]]).toEqual(["no-store", "Cookie"]);
      const nobodys = await app.send("GET", "/");
      expect([nobodys.headers["cache-control"], nobodys.headers["vary"]]).toEqual([undefined, "Cookie"]);
      const guarded = await app.send("GET", "/me", cookie(token));
      expect([guarded.headers["cache-control"], guarded.headers["vary"]]).toEqual(["no-store", "Cookie"]);
    });

    it("names the headers that say who asks", async () => {
      const both = await rig.open({ options: { bearer: true } });
      const { token } = await both.loggedIn();
      expect((await both.send("GET", "/", bearer(token))).headers["vary"]).toBe("Cookie, Authorization");
      const tokens = await rig.open({ options: { bearer: true, cookie: false } });
      expect((await tokens.send("GET", "/")).headers["vary"]).toBe("Authorization");
    });

    it("says it beside what the application says", async () => {
      const app = await rig.open({ headers: { Vary: "Accept-Language", "Cache-Control": "max-age=60" } });
      const { token } = await app.loggedIn();
      const { headers } = await app.send("GET", "/", cookie(token));
      expect(headers["vary"]).toBe("Accept-Language, Cookie");
      expect(headers["cache-control"]).toBe("max-age=60, no-store");
    });

    it("leaves alone what does not look at the session", async () => {
      const app = await rig.open({ headers: { "Cache-Control": "public, max-age=60" } });
      const { token } = await app.loggedIn();
      const { headers } = await app.send("GET", "/file", cookie(token));
      expect([headers["cache-control"], headers["vary"]]).toEqual(["public, max-age=60", undefined]);
    });
  });

  describe("an assignment to the session of a request", () => {
    it.each(["cart", "user", "cookie", "__proto__x", "current"])("of %s fails, and says what to call", async (name) => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post(`/assign?name=${name}`)).status).toBe(500);
      const [error] = app.errors as Error[];
      expect(error).toBeInstanceOf(TypeError);
      expect(error?.message).toContain(name === "current" ? "session.end()" : `session.updateClaims({ ${name}: … })`);
      expect((await browser.get("/me")).json()["claims"]).toEqual({ role: "member" });
    });
  });
}
