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

    it("are none without a credential, with a malformed one, and with two that differ", async () => {
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
          { ...cookie(token), ...bearer("rubbish") },
          { Cookie: `__Host-session=${token}; __Host-session=other` },
        ]) {
          expect((await app.send("GET", "/me", headers)).status).toBe(401);
          await app.send("GET", "/", headers);
        }
      });
      expect(cost).toEqual({});
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
