/** What a request costs, counted by a Redis of its own that nobody else talks to. */
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { commandsDuring } from "../../harness/commandstats.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { type AnyStore, bearer, cookie, type HttpRig, withOtherSecret } from "./rig.js";

export function describeRoundTrips(rig: HttpRig): void {
  describe("the round trips of a request", () => {
    let redis: ReturnType<typeof connect>;
    let store: AnyStore;
    beforeAll(async () => {
      const server = await startRedisServer();
      afterFile(() => server.stop());
      redis = connect({ port: server.port });
      store = createSessionStore(redis, { touchInterval: 0 });
    });

    const costOf = (act: () => Promise<unknown>) => commandsDuring(redis, act);

    const open = () => rig.open({ store, options: { bearer: true } });

    it("are one with a session, whether or not its touch is due, live or dead", async () => {
      const app = await open();
      const { token } = await app.loggedIn();
      const dead = (await app.loggedIn()).token;
      await store.revoke(dead);
      await store.get(token);
      await store.touch(token);
      for (const [value, status] of [
        [token, 200],
        [dead, 401],
        [withOtherSecret(token), 401],
      ] as const) {
        for (const credentials of [cookie(value), bearer(value), { ...cookie(value), ...bearer(value) }]) {
          const cost = await costOf(async () => {
            for (let n = 0; n < 3; n++) expect((await app.send("GET", "/me", credentials)).status).toBe(status);
          });
          expect(cost).toMatchObject({ evalsha: 3 });
          expect(cost).not.toHaveProperty("eval");
        }
      }
    });

    it("are none without a credential, and with none that has the form of one", async () => {
      const app = await open();
      const { token } = await app.loggedIn();
      const cost = await costOf(async () => {
        for (const headers of [
          {},
          { Cookie: "theme=dark" },
          cookie(""),
          cookie("rubbish"),
          cookie("A".repeat(15_000)),
          cookie(token.slice(0, 26)),
          cookie(`${token}x`),
          bearer("rubbish"),
          { Authorization: `Basic ${token}` },
          { ...cookie(`${token}x`), ...bearer("rubbish") },
          { Cookie: `__Host-session=rubbish; __Host-session=other` },
        ]) {
          expect((await app.send("GET", "/me", headers)).status).toBe(401);
          await app.send("GET", "/", headers);
        }
      });
      expect(cost).toEqual({});
    });

    it("are one with rubbish beside the token, and two with other tokens beside it, of which four are asked for", async () => {
      const app = await open();
      const { token } = await app.loggedIn();
      const dead = await Promise.all(Array.from({ length: 6 }, async () => (await app.loggedIn()).token));
      for (const other of dead) await store.revoke(other);
      const cookies = (tokens: readonly string[]) => ({
        Cookie: tokens.map((value) => `__Host-session=${value}`).join("; "),
      });
      for (const [headers, commands, status] of [
        [cookies(["rubbish", token, ...Array.from({ length: 300 }, (_, n) => `x${n}`)]), 1, 200],
        [cookies([token, token]), 1, 200],
        [{ ...cookies([token]), ...bearer("rubbish") }, 1, 200],
        [{ ...cookies(["rubbish", "other"]), ...bearer(token) }, 1, 200],
        // Each is looked up without sliding, and then the live one is touched.
        [cookies(dead.slice(0, 1).concat(token)), 2 + 1, 200],
        [cookies(dead.slice(0, 3).concat(token)), 4 + 1, 200],
        [{ ...cookies(dead.slice(0, 3)), ...bearer(token) }, 4 + 1, 200],
        [cookies(dead.slice(0, 4)), 4, 401],
        [cookies(dead.slice(0, 4).concat(token)), 4, 401],
        [cookies(dead), 4, 401],
      ] as const) {
        const cost = await costOf(async () => {
          expect((await app.send("GET", "/me", headers)).status).toBe(status);
        });
        expect(cost).toMatchObject({ evalsha: commands });
      }
    });

    it("are two where the request also changes a claim, and none are left for the end of the response", async () => {
      const app = await open();
      const { token } = await app.loggedIn();
      await store.updateClaims(token, { a: 0 });
      const cost = await costOf(async () => {
        expect((await app.send("POST", "/claim?a=1", cookie(token))).status).toBe(200);
        expect((await app.send("GET", "/", cookie(token))).status).toBe(200);
      });
      expect(cost).toMatchObject({ evalsha: 3 });
    });

    it("are one for a log-in that brings no session", async () => {
      const app = await open();
      await app.loggedIn();
      expect(await costOf(() => app.loggedIn())).toMatchObject({ evalsha: 1 });
    });
  });
}
