/** Errors reach the framework's own error handler, which answers them with the right status, headers and body. */
import { describe, expect, it, vi } from "vitest";
import { isSessionError, type SessionError } from "../../../src/index.js";
import { cookie, type HttpRig } from "./rig.js";

export function describeErrors(rig: HttpRig): void {
  describe("an error", () => {
    it.each([
      ["no session", "GET", "/me", 401, "UnauthenticatedError"],
      ["a log-in that is too old", "GET", "/fresh", 401, "UnauthenticatedError"],
      ["claims that do not do", "GET", "/admin", 403, "ForbiddenError"],
      ["another site", "POST", "/claim", 403, "UntrustedOriginError"],
      ["a blocked user", "POST", "/login?user=blocked", 403, "UserBlockedError"],
    ])("for %s has its status in the framework's way", async (reason, method, path, status, name) => {
      const app = await rig.open();
      const { token, id } = await app.loggedIn();
      await rig.age(id, 15 * 60_000);
      await rig.store.blockUser("blocked");
      const credentials = reason === "no session" ? {} : cookie(token);
      const site = reason === "another site" ? { "Sec-Fetch-Site": "cross-site" } : {};
      const answer = await app.send(method, path, { ...credentials, ...site });

      const [error] = app.errors as SessionError[];
      expect(app.errors).toHaveLength(1);
      expect(isSessionError(error)).toBe(true);
      expect(error).toMatchObject({ name, status, statusCode: status, expose: true });
      expect(answer.status).toBe(status);
      const { code = "", message = "" } = error ?? {};
      expect(answer.body).toBe(rig.framework.body({ status, name, code, message }));
      expect(answer.body).not.toContain(token);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      await rig.store.unblockUser("blocked");
    });

    it("of the client's is a line in the log at most, however many come", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      await rig.store.blockUser("banned");
      const printed = vi.mocked(console.error).mock.calls;
      printed.length = 0;
      for (const [method, path, headers, status] of [
        ["GET", "/me", {}, 401],
        ["GET", "/admin", cookie(token), 403],
        ["POST", "/claim", { ...cookie(token), "Sec-Fetch-Site": "cross-site" }, 403],
        ["POST", "/login?user=banned", {}, 403],
      ] as const) {
        expect((await app.send(method, path, headers)).status).toBe(status);
      }
      const lines = printed.flatMap(([what]) => String(what).split("\n"));
      expect(lines.length).toBeLessThanOrEqual(4);
      for (const { stack, name, message } of app.errors as SessionError[]) expect(stack).toBe(`${name}: ${message}`);
      await rig.store.unblockUser("banned");
    });

    it("of the application's own stays what it is", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      expect((await browser.post("/broken")).status).toBe(500);
      expect(app.errors).toMatchObject([{ name: "Error", message: "broken after the fact" }]);
    });

    it("of a record that is corrupt is the server's, never the client's", async () => {
      const app = await rig.open();
      const { token, id } = await app.loggedIn();
      const key = `${rig.prefix}{${id.slice(10, 13)}}:s:${id}`;
      await rig.redis.hset(key, "t", "rubbish");
      await rig.tellOf(id);
      const answer = await app.send("GET", "/", cookie(token));
      expect(answer.status).toBe(500);
      expect(app.errors).toMatchObject([{ name: "CorruptRecordError", code: "CORRUPT_RECORD" }]);
      await rig.redis.del(key);
    });
  });
}
