/** `freshWithin`: how long ago a log-in was, by the clock of Redis and by no other. */
import { describe, expect, it, vi } from "vitest";
import { MINUTE } from "./app.js";
import type { HttpRig } from "./rig.js";

/** Runs `act` with a process clock that is wrong; timers, and with them the deadlines of calls, go on as they are. */
async function withClockOff<T>(ms: number, act: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
  try {
    return await act();
  } finally {
    vi.useRealTimers();
  }
}

export function describeFreshness(rig: HttpRig): void {
  describe("a log-in that has to be fresh", () => {
    it("does until its time is over, and again after the next one (ASVS 5.0, 7.5.3)", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.get("/fresh")).status).toBe(200);
      await rig.age(browser.id, 10 * MINUTE - 5000);
      expect((await browser.get("/fresh")).status).toBe(200);
      await rig.age(browser.id, 5001);
      const answer = await browser.get("/fresh");
      expect(answer.status).toBe(401);
      expect(app.errors).toMatchObject([
        { code: "REAUTHENTICATION_REQUIRED", message: "Log in again", reauthenticate: true, status: 401 },
      ]);
      // The session itself is none the worse.
      expect((await browser.get("/me")).status).toBe(200);

      await browser.post("/rotate");
      expect((await browser.get("/fresh")).status).toBe(401);
      await browser.post("/rotate?reauthenticated");
      expect((await browser.get("/fresh")).status).toBe(200);
    });

    it("is not made fresh by use", async () => {
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 0 }) });
      const browser = await app.loggedIn();
      await rig.age(browser.id, 11 * MINUTE);
      await browser.get("/me");
      await browser.post("/claim?a=1");
      expect((await browser.get("/fresh")).status).toBe(401);
    });

    it("is judged by now, also where the session was seen too long ago to tell", async () => {
      // No touch is due for 15 minutes, so the session says that it was last seen at its log-in.
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 15 * MINUTE }) });
      const browser = await app.loggedIn();
      await rig.age(browser.id, 11 * MINUTE);
      expect((await browser.get("/fresh")).status).toBe(401);
    });

    it("is what a guest never has", async () => {
      const app = await rig.open();
      const guest = app.browser();
      await guest.post("/guest");
      expect((await guest.get("/fresh")).status).toBe(401);
      await guest.post("/login");
      expect((await guest.get("/fresh")).status).toBe(200);
    });

    it.each([
      ["ahead of", 60 * MINUTE],
      ["behind", -60 * MINUTE],
    ])("is judged right by a process whose clock is an hour %s Redis's", async (_, off) => {
      const app = await rig.open();
      const browser = await withClockOff(off, () => app.loggedIn());
      const fresh = () => withClockOff(off, () => browser.get("/fresh"));
      expect((await fresh()).status).toBe(200);
      expect((await browser.get("/fresh")).status).toBe(200);
      await rig.age(browser.id, 10 * MINUTE + 1);
      expect((await fresh()).status).toBe(401);
      expect((await browser.get("/fresh")).status).toBe(401);
    });

    it("has a cookie whose age does not depend on the process's clock either", async () => {
      const app = await rig.open();
      const browser = app.browser();
      const [set] = (await withClockOff(60 * MINUTE, () => browser.post("/login"))).cookies;
      expect(set?.maxAge).toBe(12 * 60 * 60);
    });
  });
}
