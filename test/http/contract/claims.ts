/** Claims: changed by requests at once, and by others with effect on the very next request. */
import { describe, expect, it } from "vitest";
import type { HttpRig } from "./rig.js";

export function describeClaimChanges(rig: HttpRig): void {
  describe("claims", () => {
    it("all survive when 20 requests at once set one each", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const names = Array.from({ length: 20 }, (_, n) => `claim${n}`);
      const answers = names.map((name) => browser.post(`/slow?${name}=${name}`));
      // All of them have read the session before the first one writes.
      await app.gate.reached(20);
      app.gate.open();

      for (const answer of await Promise.all(answers)) expect(answer.json()).toMatchObject({ updated: true });
      expect((await browser.get("/me")).json()["claims"]).toEqual({
        role: "member",
        ...Object.fromEntries(names.map((name) => [name, name])),
      });
    });

    it("that a request changes are in its own session at once, and in the next request's", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post("/claim?role=admin")).json()).toMatchObject({ claims: { role: "admin" } });
      expect((await browser.get("/admin")).status).toBe(200);
    });

    it("stay changed when the request fails afterwards, as the write was explicit", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post("/broken")).status).toBe(500);
      expect((await browser.get("/me")).json()["claims"]).toEqual({ role: "member", broken: true });
    });

    it("that an administrator changes count from the very next request on, on every device", async () => {
      const app = await rig.open();
      const user = rig.user();
      const devices = [await app.loggedIn(`user=${user}&role=admin`), await app.loggedIn(`user=${user}&role=admin`)];
      for (const device of devices) expect((await device.get("/admin")).status).toBe(200);

      expect(await rig.store.updateClaimsForUser(user, { role: "member" })).toBe(2);
      for (const device of devices) {
        expect((await device.get("/admin")).status).toBe(403);
        expect((await device.get("/me")).json()["claims"]).toEqual({ role: "member" });
      }
      expect(await rig.store.updateClaimsForUser(user, { role: "admin" })).toBe(2);
      for (const device of devices) expect((await device.get("/admin")).status).toBe(200);
    });

    it("cannot be set without a session", async () => {
      const app = await rig.open();
      expect((await app.browser().post("/claim?role=admin")).json()).toEqual({ updated: false, id: null });
    });
  });
}
