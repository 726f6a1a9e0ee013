/** Bearer tokens that are JWTs, as `createJwtSessions` makes them: the same requests, and Redis still has the last word. */
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { createJwtSessions, type JwtSessions } from "../../../src/jwt.js";
import { commandsDuring } from "../../harness/commandstats.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { type AnyStore, bearer, cookie, type HttpRig } from "./rig.js";

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const INVALID = 'Bearer error="invalid_token"';

export function describeJwts(rig: HttpRig): void {
  describe("bearer tokens that are JWTs", () => {
    let redis: ReturnType<typeof connect>;
    let store: AnyStore;
    let jwts: JwtSessions;
    let forger: JwtSessions;
    beforeAll(async () => {
      const server = await startRedisServer();
      afterFile(() => server.stop());
      redis = connect({ port: server.port });
      store = createSessionStore(redis, { touchInterval: 0 });
      const names = { issuer: "https://issuer.example", audience: "https://app.example" };
      jwts = createJwtSessions(store, { ...names, key: { kid: "a", alg: "HS256", key: Buffer.alloc(32, 1) } });
      forger = createJwtSessions(store, { ...names, key: { kid: "a", alg: "HS256", key: Buffer.alloc(32, 2) } });
    });
    const open = (cookies: false | undefined = undefined) =>
      rig.open({ store, options: { bearer: jwts, ...(cookies === false ? { cookie: false } : {}) } });

    it("are what a log-in gives, a rotation replaces and a log-out ends", async () => {
      const app = await open(false);
      const logIn = await app.send("POST", "/login");
      expect(logIn.headers["set-cookie"]).toBeUndefined();
      expect(logIn.headers["cache-control"]).toBe("no-store");
      const { token, id } = logIn.json();
      expect(token).toMatch(JWT);
      expect((await app.send("GET", "/me", bearer(String(token)))).json()["id"]).toBe(id);
      expect((await app.send("GET", "/admin", bearer(String(token)))).status).toBe(403);
      expect((await app.send("POST", "/claim?role=admin", bearer(String(token)))).json()["updated"]).toBe(true);
      expect((await app.send("GET", "/admin", bearer(String(token)))).status).toBe(200);

      const rotated = (await app.send("POST", "/rotate", bearer(String(token)))).json();
      expect(rotated["token"]).toMatch(JWT);
      expect(rotated["id"]).not.toBe(id);
      const next = bearer(String(rotated["token"]));
      expect((await app.send("GET", "/me", bearer(String(token)))).status).toBe(401);
      expect((await app.send("GET", "/me", next)).json()["id"]).toBe(rotated["id"]);

      const ended = await app.send("POST", "/logout", next);
      expect([ended.json(), ended.headers["set-cookie"]]).toEqual([{ ended: true }, undefined]);
      const dead = await app.send("GET", "/me", next);
      expect([dead.status, dead.headers["www-authenticate"]]).toEqual([401, INVALID]);
      expect((await app.send("POST", "/logout", next)).json()).toEqual({ ended: false });
    });

    it("stay JWTs through a log-in on the same client, and through one with a refused JWT", async () => {
      const app = await open();
      const guest = await store.create({ claims: { cart: ["hat"] } });
      const logIn = await app.send("POST", "/login", bearer(await jwts.wrap(guest)));
      expect(logIn.headers["set-cookie"]).toBeUndefined();
      expect(logIn.json()).toMatchObject({
        token: expect.stringMatching(JWT),
        claims: { cart: ["hat"], role: "member" },
      });
      expect(await store.get(guest.token)).toBeNull();

      const refused = await app.send("POST", "/login", bearer("rubbish"));
      expect([refused.status, refused.headers["set-cookie"]]).toEqual([200, undefined]);
      const { token } = refused.json();
      expect((await app.send("GET", "/me", bearer(String(token)))).status).toBe(200);
    });

    it("open nothing once Redis says so, and with them the claims that it has", async () => {
      const app = await open();
      const { id, token } = (await app.send("POST", "/login?transport=bearer&user=eve")).json();
      const credentials = bearer(String(token));
      await store.updateClaimsForUser("eve", { role: "admin" });
      expect((await app.send("GET", "/admin", credentials)).status).toBe(200);
      await store.blockUser("eve");
      const blocked = await app.send("GET", "/me", credentials);
      expect([blocked.status, blocked.headers["www-authenticate"]]).toEqual([401, INVALID]);
      await store.unblockUser("eve");
      expect((await app.send("GET", "/me", credentials)).status).toBe(401);
      expect(await store.find(id as string)).toBeNull();
    });

    it("cost one round trip, and none where the signature does not hold or the token came without a JWT", async () => {
      const app = await open();
      const issued = await store.create({ userId: "ada" });
      const jwt = await jwts.wrap(issued);
      await store.touch(issued.token);
      expect(
        await commandsDuring(redis, async () => {
          for (let n = 0; n < 3; n++) expect((await app.send("GET", "/me", bearer(jwt))).status).toBe(200);
        }),
      ).toMatchObject({ evalsha: 3 });

      const service = await jwts.mint(issued.session, { audience: "stock" });
      const refused = [await forger.wrap(issued), jwt.slice(0, -3), `${jwt}=`, service, "rubbish", issued.token];
      const cost = await commandsDuring(redis, async () => {
        for (const credential of refused) {
          const answer = await app.send("GET", "/me", bearer(credential));
          expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, INVALID]);
          expect((await app.send("GET", "/", bearer(credential))).json()).toEqual({ id: null });
          expect((await app.send("POST", "/claim?a=1", bearer(credential))).json()["updated"]).toBe(false);
          expect((await app.send("POST", "/rotate", bearer(credential))).json()["token"]).toBeNull();
          expect((await app.send("POST", "/logout", bearer(credential))).json()).toEqual({ ended: false });
        }
      });
      expect(cost).toEqual({});
      expect(await store.get(issued.token)).not.toBeNull();
    });

    it("leave the cookie what it is: the bare token, which no JWT stands in for", async () => {
      const app = await open();
      const browser = await app.loggedIn();
      expect(browser.jar.get("__Host-session")).toBe(browser.token);
      expect(await store.get(browser.token)).not.toBeNull();
      const jwt = await jwts.wrap({ token: browser.token, session: (await store.get(browser.token)) as never });
      expect((await app.send("GET", "/me", cookie(jwt))).status).toBe(401);
      // Together they are one session if they agree, and the cookie is alone if the JWT does not hold.
      for (const credential of [
        jwt,
        "rubbish",
        browser.token,
        await forger.wrap(await store.create({ userId: "eve" })),
      ]) {
        expect((await browser.get("/me", bearer(credential))).json()["id"]).toBe(browser.id);
      }
      const other = await jwts.wrap(await store.create({ userId: "eve" }));
      const answer = await browser.get("/me", bearer(other));
      expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, 'Bearer error="invalid_request"']);
      const ended = await browser.post("/logout", bearer(jwt));
      expect(ended.cookies).toMatchObject([{ name: "__Host-session", value: "", maxAge: 0 }]);
    });
  });
}
