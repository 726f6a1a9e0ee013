/** Log-out: of this session, of all, of all others, and while another request of the same session is under way. */
import type { SetCookie } from "cookie";
import { describe, expect, it } from "vitest";
import type { CookieOptions } from "../../../src/http.js";
import { type HttpRig, withOtherSecret } from "./rig.js";

const withoutValue = ({ value, maxAge, ...attributes }: SetCookie) => attributes;

export function describeLogOut(rig: HttpRig): void {
  describe("a log-out", () => {
    it("ends the session: neither the back button nor a stolen cookie brings it back (ASVS 5.0, 7.4.1)", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const thief = browser.stolen();
      const answer = await browser.post("/logout");

      expect([answer.status, answer.json()]).toEqual([200, { ended: true }]);
      expect([...browser.jar]).toEqual([]);
      expect((await browser.get("/me")).status).toBe(401);
      expect((await thief.get("/me")).status).toBe(401);
      expect((await thief.post("/claim?a=1")).json()).toEqual({ updated: false, id: null });
      expect((await thief.post("/rotate")).json()).toEqual({ token: null, id: null });
      expect((await thief.get("/me")).status).toBe(401);
    });

    it.each<CookieOptions>([
      {},
      { secure: false },
      { domain: "example.com", path: "/app", sameSite: "strict" },
      { name: "sid", persistent: false, sameSite: "none" },
      { partitioned: true },
    ])("takes the cookie back with the attributes it was set with: %j", async (options) => {
      const app = await rig.open({ options: { cookie: options } });
      const browser = app.browser();
      const [set] = (await browser.post("/login")).cookies;
      const [cleared] = (await browser.post("/logout")).cookies;
      expect(cleared).toMatchObject({ value: "", maxAge: 0 });
      expect(withoutValue(cleared as SetCookie)).toEqual(withoutValue(set as SetCookie));
    });

    it("takes back the cookie of a session that has ended already, and says that it was not live", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      await rig.store.revoke(browser.token);
      const answer = await browser.post("/logout");
      expect(answer.json()).toEqual({ ended: false });
      expect([...browser.jar]).toEqual([]);
    });

    it("with another secret ends nobody's session", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const forger = browser.stolen();
      forger.jar.set("__Host-session", withOtherSecret(browser.token));
      expect((await forger.post("/logout")).json()).toEqual({ ended: false });
      expect((await browser.get("/me")).status).toBe(200);
    });

    it("has nothing to take back from a client without a cookie", async () => {
      const app = await rig.open();
      const answer = await app.send("POST", "/logout");
      expect([answer.json(), answer.headers["set-cookie"]]).toEqual([{ ended: false }, undefined]);
    });

    it("has the browser forget this origin where it is told to", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post("/logout?clear")).headers["clear-site-data"]).toBe('"cache", "cookies", "storage"');
      const other = await app.loggedIn();
      expect((await other.post("/logout")).headers["clear-site-data"]).toBeUndefined();
    });

    it("everywhere ends all sessions of the user, and no other's (ASVS 5.0, 7.4.3)", async () => {
      const app = await rig.open();
      const [user, other] = [rig.user(), rig.user()];
      const mine = [await app.loggedIn(`user=${user}`), await app.loggedIn(`user=${user}`)] as const;
      const bystander = await app.loggedIn(`user=${other}`);
      const answer = await mine[0].post("/logout-everywhere");

      expect(answer.json()).toEqual({ ended: 2 });
      expect([...mine[0].jar]).toEqual([]);
      for (const browser of mine) expect((await browser.get("/me")).status).toBe(401);
      expect((await bystander.get("/me")).status).toBe(200);
    });

    it("everywhere else leaves this session and its cookie", async () => {
      const app = await rig.open();
      const user = rig.user();
      const mine = await app.loggedIn(`user=${user}`);
      const others = [await app.loggedIn(`user=${user}`), await app.loggedIn(`user=${user}`)];
      const answer = await mine.post("/logout-others");

      expect([answer.json(), answer.headers["set-cookie"]]).toEqual([{ ended: 2 }, undefined]);
      expect((await mine.get("/me")).status).toBe(200);
      for (const browser of others) expect((await browser.get("/me")).status).toBe(401);
    });

    it("everywhere is refused to those who are not logged in", async () => {
      const app = await rig.open();
      const guest = app.browser();
      await guest.post("/guest");
      for (const path of ["/logout-everywhere", "/logout-others"]) {
        expect((await app.browser().post(path)).status).toBe(401);
        expect((await guest.post(path)).status).toBe(401);
      }
      expect((await guest.get("/anybody")).status).toBe(200);
    });
  });

  describe("a log-out while a slow request of the same session is under way", () => {
    it("stays: the slow request writes nothing, is told so, and sets no cookie", async () => {
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 0 }) });
      const browser = await app.loggedIn();
      const thief = browser.stolen();
      const slow = thief.post("/slow?late=yes");
      await app.gate.reached();
      expect((await browser.post("/logout")).json()).toEqual({ ended: true });
      app.gate.open();

      const answer = await slow;
      expect([answer.status, answer.json()]).toEqual([200, { before: browser.id, updated: false, id: null }]);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect((await thief.get("/me")).status).toBe(401);
      expect(await rig.store.get(browser.token)).toBeNull();
      expect(await rig.store.find(browser.id)).toBeNull();
    });

    it("is not undone by a rotation, which sets no cookie", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const slow = browser.stolen().post("/slow-rotate");
      await app.gate.reached();
      await browser.post("/logout");
      app.gate.open();

      const answer = await slow;
      expect([answer.json(), answer.headers["set-cookie"]]).toEqual([{ rotated: false }, undefined]);
      expect(await rig.store.get(browser.token)).toBeNull();
    });

    it("stays also when all sessions were ended from another device", async () => {
      const app = await rig.open();
      const user = rig.user();
      const [here, there] = [await app.loggedIn(`user=${user}`), await app.loggedIn(`user=${user}`)];
      const slow = here.post("/slow?late=yes");
      await app.gate.reached();
      expect((await there.post("/logout-everywhere")).json()).toEqual({ ended: 2 });
      app.gate.open();
      expect((await slow).json()).toMatchObject({ updated: false });
      expect(await rig.store.listForUser(user)).toEqual([]);
    });
  });
}
