/** How long a log-in lasts: "remember me", a browser that closes, and requests that are no sign of the user. */
import { describe, expect, it } from "vitest";
import { MINUTE } from "./app.js";
import { cookie, type HttpRig } from "./rig.js";

const DAY = 24 * 60 * MINUTE;

export function describeLasting(rig: HttpRig): void {
  describe("a log-in with timeouts of its own", () => {
    const live = async (id: string) => {
      const session = await rig.store.find(id);
      if (session === null) throw new Error("The session is not live.");
      const { createdAt, lastSeenAt, expiresAt, absoluteExpiresAt } = session;
      return { idle: expiresAt - lastSeenAt, absolute: absoluteExpiresAt - createdAt };
    };

    it("lasts as long as it says, and so does its cookie", async () => {
      const app = await rig.open();
      const browser = app.browser();
      const answer = await browser.post(`/login?idle=${7 * DAY}&absolute=${30 * DAY}`);
      expect(answer.cookies).toMatchObject([{ maxAge: (30 * DAY) / 1000 }]);
      expect(await live(String(answer.json()["id"]))).toEqual({ idle: 7 * DAY, absolute: 30 * DAY });
      const usual = await app.loggedIn();
      expect(await live(usual.id)).toEqual({ idle: 30 * MINUTE, absolute: DAY / 2 });
    });

    it.each([
      ["a guest", "/guest?item=hat"],
      ["the same user", "/login?user=ada"],
      ["another user", "/login?user=eve"],
      ["the same user, who was to be remembered", `/login?user=ada&idle=${DAY}&absolute=${9 * DAY}`],
    ])("has them on the session of %s too, and without them the store's", async (_, before) => {
      const app = await rig.open();
      for (const [query, timeouts] of [
        [`&idle=${7 * DAY}&absolute=${30 * DAY}`, { idle: 7 * DAY, absolute: 30 * DAY }],
        [`&idle=${MINUTE}`, { idle: MINUTE, absolute: DAY / 2 }],
        [`&absolute=${DAY}`, { idle: 30 * MINUTE, absolute: DAY }],
        ["", { idle: 30 * MINUTE, absolute: DAY / 2 }],
      ] as const) {
        const browser = app.browser();
        await browser.post(before);
        const answer = await browser.post(`/login?user=ada${query}`);
        expect(answer.status).toBe(200);
        const session = await live(String(answer.json()["id"]));
        // On a session that goes on, the absolute deadline counts from its beginning, a moment before this log-in.
        expect(session.idle).toBe(timeouts.idle);
        expect(session.absolute).toBeGreaterThanOrEqual(timeouts.absolute);
        expect(session.absolute).toBeLessThan(timeouts.absolute + MINUTE);
        expect(answer.cookies.at(-1)?.maxAge).toBe(timeouts.absolute / 1000);
        await browser.post("/rotate");
        expect((await browser.get("/me")).json()["userId"]).toBe("ada");
      }
    });

    it.each([
      ["a guest", "/guest?item=hat"],
      ["the same user", "/login?user=ada"],
    ])(
      "has them, and a cookie that ends with the browser, in both answers if it is sent twice by %s",
      async (_, before) => {
        const app = await rig.open();
        const browser = app.browser();
        await browser.post(before);
        for (const click of [browser.stolen(), browser.stolen()]) {
          const answer = await click.post(
            `/login?user=ada&persistent=false&idle=${5 * MINUTE}&absolute=${30 * MINUTE}`,
          );
          expect(answer.cookies).toHaveLength(1);
          expect(answer.cookies[0]?.maxAge).toBeUndefined();
          const session = await live(String(answer.json()["id"]));
          expect(session.idle).toBe(5 * MINUTE);
          expect(session.absolute).toBeGreaterThanOrEqual(30 * MINUTE);
          expect(session.absolute).toBeLessThan(31 * MINUTE);
        }
      },
    );

    it("may be a guest's, who goes on with the claims there are", async () => {
      const app = await rig.open();
      const browser = app.browser();
      await browser.post("/guest?item=hat");
      await browser.post("/claim?colour=red");
      const answer = await browser.post(`/guest?item=coat&absolute=${30 * DAY}`);
      expect(answer.json()["claims"]).toEqual({ cart: ["coat"], colour: "red" });
      expect(answer.cookies.at(-1)?.maxAge).toBe((30 * DAY) / 1000);
    });

    it("that no session can have changes nothing", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      for (const [query, name] of [
        ["idle=0", "RangeError"],
        ["idle=1.5", "RangeError"],
        ["absolute=-1", "RangeError"],
        [`idle=${2 * DAY}&absolute=${DAY}`, "RangeError"],
        [`absolute=${MINUTE}`, "RangeError"],
        ["persistent=1", "TypeError"],
        ["persistent=null", "TypeError"],
      ]) {
        expect((await browser.post(`/login?user=eve&${query}`)).status).toBe(500);
        expect([query, (app.errors.at(-1) as Error).name]).toEqual([query, name]);
      }
      expect((await browser.get("/me")).json()["userId"]).toBe("ada");
    });
  });

  describe("a cookie that ends with the browser, for this log-in", () => {
    it.each([
      [false, true],
      [true, false],
    ])("is what the log-in says (%s), whatever the application does else (%s)", async (said, usual) => {
      const app = await rig.open({ options: { cookie: { persistent: usual } } });
      const keeps = ({ cookies }: { cookies: readonly { maxAge?: number }[] }) => cookies.at(-1)?.maxAge !== undefined;
      const browser = app.browser();
      expect(keeps(await browser.post(`/login?persistent=${said}`))).toBe(said);
      // Later rotations keep to it, also those of another process.
      expect(keeps(await browser.post("/rotate"))).toBe(said);
      expect(keeps(await browser.post("/rotate?reauthenticated"))).toBe(said);
      expect(keeps(await browser.post("/rotate?grace=1000"))).toBe(said);
      // The next log-in says it anew, or not.
      expect(keeps(await browser.post("/login"))).toBe(usual);
      expect(keeps(await browser.post("/rotate"))).toBe(usual);
      expect(keeps(await browser.post(`/login?user=eve&persistent=${said}`))).toBe(said);
      expect(keeps(await browser.post(`/login?user=ada&persistent=${usual}`))).toBe(usual);
      const guest = app.browser();
      await guest.post("/guest");
      expect(keeps(await guest.post(`/login?persistent=${said}`))).toBe(said);
      expect(keeps(await guest.post("/rotate"))).toBe(said);
      expect((await guest.post("/logout")).cookies.at(-1)?.maxAge).toBe(0);
    });
  });

  describe("a route that another site may post to", () => {
    const exempt = ({ url = "" }: { readonly url?: string | undefined }) => url.startsWith("/login?saml");
    const FOREIGN = { Origin: "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };

    it("logs in, and does nothing in the name of whoever is logged in already", async () => {
      const app = await rig.open({ options: { csrf: { exempt } } });
      const user = rig.user();
      const before = await app.loggedIn(`user=${user}`);
      const answer = await app.send("POST", `/login?saml&user=${user}`, { ...FOREIGN, ...cookie(before.token) });
      expect([answer.status, answer.cookies.length]).toEqual([200, 1]);
      expect(answer.json()["token"]).not.toBe(before.token);
      // It was loaded without its cookie, so the session before is as it was.
      expect((await before.get("/me")).json()["id"]).toBe(before.id);
      expect(await rig.store.listForUser(user)).toHaveLength(2);
    });

    it("is the only one", async () => {
      const app = await rig.open({ options: { csrf: { exempt } } });
      const { token } = await app.loggedIn();
      for (const path of ["/claim?a=1", "/logout", "/login?user=eve"]) {
        expect((await app.send("POST", path, { ...FOREIGN, ...cookie(token) })).status).toBe(403);
      }
    });
  });
}
