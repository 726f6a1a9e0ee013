/** `listForUser`. */
import { describe, expect, it } from "vitest";
import { HOUR, present, type Rig } from "./rig.js";

export function describeList(rig: Rig): void {
  describe("listForUser", () => {
    it("gives the live sessions of a user, newest first, whatever their deadlines", async () => {
      const { store, age } = rig.open({ idleTimeout: 6 * HOUR });
      const issued = await Promise.all([1, 2, 3, 4].map((n) => store.create({ userId: "ada", claims: { n } })));
      const hours = [3, 1, 4, 2];
      for (const [at, { session }] of issued.entries()) await age(session, present(hours[at]) * HOUR);
      // The oldest is the one seen last, and so the one that expires last.
      await store.touch(present(issued[2]).token);
      await store.create({ userId: "bob" });
      const listed = await store.listForUser("ada");
      expect(listed.map(({ claims }) => claims["n"])).toEqual([2, 4, 1, 3]);
      for (const session of listed) expect(session).toEqual(await store.find(session.id));
    });

    it("gives nothing for a user without sessions", async () => {
      expect(await rig.open().store.listForUser("nobody")).toEqual([]);
    });
  });
}
