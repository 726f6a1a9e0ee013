/** The two ways in which a token travels, and what becomes of requests that use both. */
import { describe, expect, it } from "vitest";
import { bearer, cookie, type HttpRig } from "./rig.js";

export function describeTransports(rig: HttpRig): void {
  describe("bearer tokens", () => {
    it("count for nothing unless they are turned on", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      expect((await app.send("GET", "/me", bearer(token))).status).toBe(401);
      // Nor do they disturb the cookie.
      expect((await app.send("GET", "/me", { ...cookie(token), ...bearer("rubbish") })).status).toBe(200);
      const answer = await app.send("POST", "/login?transport=bearer");
      expect(answer.status).toBe(500);
      expect(app.errors.at(-1)).toMatchObject({ name: "TypeError", message: "transport: bearer tokens are off" });
    });

    it("are accepted beside the cookie where they are turned on", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token, id } = await app.loggedIn();
      expect((await app.send("GET", "/me", bearer(token))).json()["id"]).toBe(id);
      expect((await app.send("GET", "/me", cookie(token))).json()["id"]).toBe(id);
    });

    it("travel in the body and set no cookie, for a log-in that asks for it", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const answer = await app.send("POST", "/login?transport=bearer");
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(answer.headers["cache-control"]).toBe("no-store");
      const token = String(answer.json()["token"]);
      expect((await app.send("GET", "/me", bearer(token))).status).toBe(200);

      const rotated = await app.send("POST", "/rotate", bearer(token));
      expect(rotated.headers["set-cookie"]).toBeUndefined();
      expect((await app.send("GET", "/me", bearer(token))).status).toBe(401);
      const next = bearer(String(rotated.json()["token"]));
      expect((await app.send("GET", "/me", next)).status).toBe(200);

      const ended = await app.send("POST", "/logout", next);
      expect([ended.json(), ended.headers["set-cookie"]]).toEqual([{ ended: true }, undefined]);
      expect((await app.send("GET", "/me", next)).status).toBe(401);
    });

    it("log their session out from a page of any site: no browser adds one by itself", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = await app.loggedIn();
      const foreign = { "Sec-Fetch-Site": "cross-site", Origin: "https://app.example" };
      const answer = await app.send("POST", "/logout", { ...bearer(token), ...foreign });
      expect([answer.status, answer.json()]).toEqual([200, { ended: true }]);
      expect((await app.send("GET", "/me", bearer(token))).status).toBe(401);
    });

    it("stay bearer tokens through a log-in on the same client", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = (await app.send("POST", "/login?transport=bearer")).json();
      const again = await app.send("POST", "/login", bearer(String(token)));
      expect(again.headers["set-cookie"]).toBeUndefined();
      expect((await app.send("GET", "/me", bearer(String(again.json()["token"])))).status).toBe(200);
    });

    it("can be all there is", async () => {
      const app = await rig.open({ options: { cookie: false, bearer: true } });
      const answer = await app.send("POST", "/login");
      expect(answer.headers["set-cookie"]).toBeUndefined();
      const token = String(answer.json()["token"]);
      expect((await app.send("GET", "/me", bearer(token))).status).toBe(200);
      expect((await app.send("GET", "/me", cookie(token))).status).toBe(401);
      expect((await app.send("GET", "/me", { ...cookie("other"), ...bearer(token) })).status).toBe(200);
      expect((await app.send("POST", "/logout", bearer(token))).headers["set-cookie"]).toBeUndefined();
      expect((await app.send("POST", "/login?transport=cookie")).status).toBe(500);
      expect(app.errors.at(-1)).toMatchObject({ name: "TypeError", message: "transport: cookies are off" });
    });
  });

  describe("a request with a cookie and a bearer token", () => {
    it("is one session where they agree", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = await app.loggedIn();
      const both = { ...cookie(token), ...bearer(token) };
      expect((await app.send("GET", "/me", both)).status).toBe(200);
      // Log-out takes back what the browser keeps.
      const answer = await app.send("POST", "/logout", both);
      expect(answer.cookies).toMatchObject([{ name: "__Host-session", value: "", maxAge: 0 }]);
    });

    it("leaves no old cookie beside the new token", async () => {
      const app = await rig.open({ options: { bearer: true } });
      // A guest with a cookie, whose page then goes over to bearer tokens.
      const browser = app.browser();
      await browser.post("/guest");
      const { token } = (await browser.post("/login?transport=bearer")).json();
      expect([...browser.jar]).toEqual([]);
      expect((await browser.get("/me", bearer(String(token)))).status).toBe(200);

      const both = await app.loggedIn();
      const rotated = await both.post("/rotate", bearer(both.token));
      expect((await both.get("/me", bearer(String(rotated.json()["token"])))).status).toBe(200);
    });
  });

  describe("WWW-Authenticate", () => {
    const challengeOf = async (options: { bearer: boolean }, path: string, headers = {}) => {
      const app = await rig.open({ options });
      const answer = await app.send("GET", path, headers);
      expect(answer.status).toBe(401);
      return answer.headers["www-authenticate"];
    };

    it("names the scheme alone to a request without a token (RFC 6750, 3.1)", async () => {
      expect(await challengeOf({ bearer: true }, "/me")).toBe("Bearer");
      expect(await challengeOf({ bearer: true }, "/me", cookie("rubbish"))).toBe("Bearer");
    });

    it("says invalid_token to one with a dead or malformed token", async () => {
      const dead = `01J0ABCDEFGHJKMNPQRSTVWXYZ.${"A".repeat(43)}`;
      for (const token of [dead, "rubbish"]) {
        expect(await challengeOf({ bearer: true }, "/me", bearer(token))).toBe('Bearer error="invalid_token"');
      }
    });

    it("says how old a log-in may be where it is too old (RFC 9470, 3)", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { id, token } = await app.loggedIn();
      await rig.age(id, 15 * 60_000);
      for (const headers of [bearer(token), cookie(token)]) {
        const answer = await app.send("GET", "/fresh", headers);
        expect(answer.status).toBe(401);
        expect(answer.headers["www-authenticate"]).toBe(
          'Bearer error="insufficient_user_authentication", max_age="600"',
        );
      }
    });

    it("is not sent where bearer tokens are off", async () => {
      expect(await challengeOf({ bearer: false }, "/me")).toBeUndefined();
      expect(await challengeOf({ bearer: false }, "/me", bearer("rubbish"))).toBeUndefined();
    });
  });
}
