/** A Redis that is gone: 503 and never 401, within the deadline, and all is well when it is back. */
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { type RedisServer, startRedisServer } from "../../harness/redis-server.js";
import { type AnyStore, bearer, cookie, type HttpRig, type Running } from "./rig.js";

/** The store's deadline, ms. ioredis by itself waits for ten seconds where it is refused, and for ever on a frozen server. */
const TIMEOUT = 250;
/** Far beyond the deadline on any machine, and far below what ioredis would wait. */
const SOON = 5000;
/** For how long a log-in is tried that must succeed, ms. */
const PATIENCE = 10_000;

export function describeOutage(rig: HttpRig): void {
  describe("while Redis is gone", () => {
    let server: RedisServer;
    let store: AnyStore;
    beforeAll(async () => {
      server = await startRedisServer();
      afterFile(() => server.stop());
      store = createSessionStore(connect({ port: server.port }), { timeout: TIMEOUT });
    });

    async function expectUnavailable(app: Running, token: string): Promise<void> {
      for (const [method, path, headers] of [
        ["GET", "/me", cookie(token)],
        ["GET", "/", cookie(token)],
        ["GET", "/admin", bearer(token)],
        ["POST", "/claim?a=1", cookie(token)],
        ["POST", "/logout", cookie(token)],
        ["POST", "/login", {}],
      ] as const) {
        app.errors.length = 0;
        const began = performance.now();
        const answer = await app.send(method, path, headers);
        expect(performance.now() - began).toBeLessThan(SOON);
        expect([path, answer.status]).toEqual([path, 503]);
        expect(answer.headers["retry-after"]).toBe("1");
        expect(answer.headers["set-cookie"]).toBeUndefined();
        expect(answer.headers["www-authenticate"]).toBeUndefined();
        expect(app.errors).toHaveLength(1);
        const [error] = app.errors as [Error & { code: string }];
        expect(error).toMatchObject({ name: "StoreUnavailableError", status: 503, statusCode: 503, expose: false });
        const { name, code, message } = error;
        expect(answer.body).toBe(rig.framework.body({ status: 503, name, code, message }));
        expect(answer.body).not.toContain(token);
        expect(answer.body).not.toContain(String(server.port));
      }
    }

    /** A log-in after Redis is back: on a busy machine even a healthy one may take longer than the deadline. */
    async function loggedIn(app: Running): ReturnType<Running["loggedIn"]> {
      const end = performance.now() + PATIENCE;
      for (;;) {
        try {
          return await app.loggedIn();
        } catch (error) {
          if (performance.now() > end) throw error;
        }
      }
    }

    async function expectOpenPages(app: Running): Promise<void> {
      // What needs no session needs no Redis.
      expect((await app.send("GET", "/")).status).toBe(200);
      expect((await app.send("GET", "/me")).status).toBe(401);
      expect((await app.send("GET", "/", cookie("rubbish"))).status).toBe(200);
    }

    it("frozen, a session is neither live nor dead: 503; thawed, it is live again", async () => {
      const app = await rig.open({ store, options: { bearer: true } });
      const browser = await loggedIn(app);
      server.freeze();
      try {
        await expectUnavailable(app, browser.token);
        await expectOpenPages(app);
      } finally {
        server.thaw();
      }
      // A log-out that was answered with 503 may still have run: it was on its way. A new log-in is certain.
      const again = await loggedIn(app);
      await expect.poll(async () => (await again.get("/me")).status, { timeout: PATIENCE }).toBe(200);
    });

    it("killed, it is 503 as well; restarted, log-ins work without a restart of the application", async () => {
      const app = await rig.open({ store, options: { bearer: true } });
      const browser = await loggedIn(app);
      await server.kill();
      try {
        await expectUnavailable(app, browser.token);
        await expectOpenPages(app);
      } finally {
        await server.restart();
      }
      await loggedIn(app);
      // This server keeps nothing on disk, so now Redis does say that there is no such session.
      await expect.poll(async () => (await browser.get("/me")).status, { timeout: PATIENCE }).toBe(401);
    });
  });
}
