/** Responses of every form carry what the session has to say, as long as their head is not sent. */
import { describe, expect, it } from "vitest";
import type { HttpRig } from "./rig.js";

export function describeAnswers(rig: HttpRig): void {
  describe.each([
    ["that goes past the framework", "raw", 200],
    ["that redirects", "redirect", 303],
  ] as const)("a response %s", (_, form, status) => {
    it("carries the cookie of a log-in and of a log-out, and what caches are to do", async () => {
      const app = await rig.open();
      const browser = app.browser();
      const logIn = await browser.post(`/${form}/login?user=ada`);
      expect([logIn.status, logIn.headers["cache-control"]]).toEqual([status, "no-store"]);
      expect(logIn.cookies).toMatchObject([{ name: "__Host-session", maxAge: 12 * 60 * 60, httpOnly: true }]);
      expect((await browser.get("/me")).json()["userId"]).toBe("ada");
      // A log-in on a session ends that session, so its answer must bring the new one.
      await browser.post(`/${form}/login?user=ada`);
      expect((await browser.get("/me")).status).toBe(200);

      const me = await browser.get(`/${form}/me`);
      expect([me.status, me.headers["cache-control"]]).toEqual([status, "no-store"]);
      expect(me.headers.vary).toMatch(/Cookie/);
      const logOut = await browser.post(`/${form}/logout`);
      expect([logOut.status, logOut.headers["cache-control"], logOut.cookies.length]).toEqual([status, "no-store", 1]);
      expect([...browser.jar]).toEqual([]);
    });
  });

  describe("once the head of a response is sent", () => {
    const TOO_LATE = "the response can take no cookie any more (its headers are sent, or this is an upgrade)";

    it.each(["login", "rotate"] as const)("%s refuses, and changes nothing", async (path) => {
      const app = await rig.open();
      const user = rig.user();
      const browser = await app.loggedIn();
      const before = await rig.store.get(browser.token);
      const answer = await browser.post(`/begun/${path}?user=${user}`);
      expect([answer.status, answer.cookies]).toEqual([200, []]);
      const verb = path === "login" ? "start" : "rotate";
      expect(answer.json()).toMatchObject({
        name: "TypeError",
        message: `${verb}: ${TOO_LATE}, so nothing was changed`,
        id: browser.id,
      });
      expect(await rig.store.get(browser.token)).toEqual(before);
      expect(await rig.store.listForUser(user)).toEqual([]);
      expect((await browser.get("/me")).status).toBe(200);
    });

    it("a log-in without a session makes none", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const user = rig.user();
      for (const headers of [{}, { Authorization: "Bearer rubbish" }]) {
        const answer = await app.send("POST", `/begun/login?user=${user}`, headers);
        expect(answer.json()).toMatchObject({ name: "TypeError", id: null });
      }
      expect(await rig.store.listForUser(user)).toEqual([]);
    });

    it("the session can be read, required and changed as ever", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post("/begun/me")).json()).toMatchObject({ result: browser.id });
      expect((await browser.post("/begun/claim")).json()).toMatchObject({ claims: { begun: true } });
      expect((await app.send("POST", "/begun/me")).json()).toMatchObject({ name: "UnauthenticatedError" });
    });

    it.each([
      ["logout", true],
      ["logout-everywhere", 1],
    ])("%s ends the session all the same, and leaves the cookie", async (path, result) => {
      const app = await rig.open();
      const browser = await app.loggedIn(`user=${rig.user()}`);
      const answer = await browser.post(`/begun/${path}`);
      expect([answer.json(), answer.cookies]).toEqual([{ result, id: null }, []]);
      expect(await rig.store.get(browser.token)).toBeNull();
      expect((await browser.get("/me")).status).toBe(401);
    });
  });
}
