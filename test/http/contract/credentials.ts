/** What a browser sends beside our cookie: left-overs, other applications' cookies, planted ones, and bearer tokens. */
import { describe, expect, it } from "vitest";
import { createSessionStore, StoreUnavailableError } from "../../../src/index.js";
import { MINUTE } from "./app.js";
import type { Headers } from "./client.js";
import { type AnyStore, bearer, cookie, type HttpRig, type Running, withOtherSecret } from "./rig.js";

const ID = "01J0ABCDEFGHJKMNPQRSTVWXYZ";

const cookies = (...tokens: readonly string[]): Headers => ({
  Cookie: tokens.map((token) => `__Host-session=${token}`).join("; "),
});

/** What stands in the cookies that a response sets and takes back, in turn. */
const outcome = ({ cookies: set }: Awaited<ReturnType<Running["send"]>>) =>
  set.map(({ value, maxAge }) => (maxAge === 0 ? "taken back" : value));

export function describeCredentials(rig: HttpRig): void {
  /** Tokens that are well formed and open nothing here. */
  async function deadTokens(app: Running, live: string): Promise<string[]> {
    const elsewhere = createSessionStore(rig.redis, { prefix: `${rig.prefix}staging:`, timeout: 10_000 });
    const staging = await elsewhere.create({ userId: "ada" });
    const { token: ended } = await app.loggedIn();
    await rig.store.revoke(ended);
    return [staging.token, ended, withOtherSecret(live), `${ID}.${"A".repeat(43)}`];
  }

  describe("what is no live session of this store", () => {
    it("does not count beside the one that is, whichever comes first", async () => {
      const app = await rig.open();
      const { token, id } = await app.loggedIn();
      const rubbish = ["rubbish", ID, `"${token}"`, `s%3A${"x".repeat(24)}.${"y".repeat(43)}`, "x".repeat(3000)];
      for (const other of [...rubbish, ...(await deadTokens(app, token))]) {
        for (const headers of [
          cookies(token, other),
          cookies(other, token),
          cookies(other, token, other, "more"),
          { Cookie: [`__Host-session=${other}`, `a=1`, `__Host-session=${token}`] },
        ]) {
          const answer = await app.send("GET", "/me", headers);
          expect([other, answer.status]).toEqual([other, 200]);
          expect(answer.json()["id"]).toBe(id);
          expect(answer.cookies).toEqual([]);
        }
        expect((await app.send("POST", "/claim?a=1", cookies(other, token))).json()["updated"]).toBe(true);
      }
      expect(app.errors).toEqual([]);
    });

    it("does not keep the one that is from being slid, rotated and ended", async () => {
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 0 }) });
      const { token, id } = await app.loggedIn();
      const [other = ""] = await deadTokens(app, token);
      await rig.age(id, 20 * MINUTE);
      const before = (await rig.store.find(id))?.expiresAt ?? 0;
      await app.send("GET", "/", cookies(other, token));
      expect((await rig.store.find(id))?.expiresAt).toBeGreaterThan(before + 10 * MINUTE);

      const rotated = String((await app.send("POST", "/rotate", cookies(other, token))).json()["token"]);
      expect(await rig.store.get(token)).toBeNull();
      const answer = await app.send("POST", "/logout", cookies(other, rotated));
      expect([answer.json(), outcome(answer)]).toEqual([{ ended: true }, ["taken back"]]);
      expect(await rig.store.get(rotated)).toBeNull();
    });

    it("hinders no page, log-in and log-out where nothing else came", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      const dead = await deadTokens(app, token);
      for (const values of [
        ["rubbish", "other"],
        dead.slice(0, 2),
        dead,
        [...dead, ...dead.map(withOtherSecret), "x"],
      ]) {
        expect((await app.send("GET", "/", cookies(...values))).json()).toEqual({ id: null });
        expect((await app.send("GET", "/me", cookies(...values))).status).toBe(401);
        const logOut = await app.send("POST", "/logout", cookies(...values));
        expect(logOut.json()).toEqual({ ended: false });
        expect(outcome(logOut)).toContain("taken back");
        const logIn = await app.send("POST", "/login", cookies(...values));
        expect(logIn.status).toBe(200);
        expect(outcome(logIn).at(-1)).toBe(logIn.json()["token"]);
      }
      expect(app.errors.every((error) => (error as { status?: number }).status === 401)).toBe(true);
      expect(await rig.store.get(token)).not.toBeNull();
    });

    it("does not count as a bearer token beside the cookie, nor as a cookie beside the bearer token", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token, id } = await app.loggedIn();
      for (const other of ["rubbish", "undefined", ...(await deadTokens(app, token))]) {
        for (const headers of [
          { ...cookie(token), ...bearer(other) },
          { ...cookie(other), ...bearer(token) },
          { ...cookies(other, "rubbish"), ...bearer(token) },
        ]) {
          const answer = await app.send("GET", "/me", headers);
          expect([other, answer.status]).toEqual([other, 200]);
          expect(answer.json()["id"]).toBe(id);
        }
        const dead = await app.send("GET", "/me", { ...cookie("rubbish"), ...bearer(other) });
        expect([dead.status, dead.headers["www-authenticate"]]).toEqual([401, 'Bearer error="invalid_token"']);
      }
    });
  });

  describe("another site's request", () => {
    const foreign = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" };

    it("is judged by the credential that counts", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = await app.loggedIn();
      const [dead = ""] = await deadTokens(app, token);
      const post = async (headers: Headers) =>
        (await app.send("POST", "/claim?a=1", { ...foreign, ...headers })).status;
      for (const other of [dead, "rubbish"]) {
        expect(await post({ ...cookie(other), ...bearer(token) })).toBe(200);
        // A page cannot get rid of the check by a token that opens nothing.
        expect(await post({ ...cookie(token), ...bearer(other) })).toBe(403);
        expect(await post(cookies(other, token))).toBe(403);
      }
      expect(await post({ ...cookies(dead, token), ...bearer(token) })).toBe(200);
    });
  });

  describe("two live sessions in one request", () => {
    async function twoLive(app: Running) {
      const [mine, planted] = [await app.loggedIn(`user=${rig.user()}`), await app.loggedIn("user=mallory")];
      return { mine: mine.token, planted: planted.token };
    }
    const areDead = async (...tokens: string[]) =>
      (await Promise.all(tokens.map((token) => rig.store.get(token)))).every((session) => session === null);

    it("are no session: nothing guarded is shown, nothing is changed, and neither slides", async () => {
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 0 }) });
      const { mine, planted } = await twoLive(app);
      await rig.age(mine.slice(0, 26), 20 * MINUTE);
      const before = await rig.store.get(mine);
      for (const headers of [cookies(mine, planted), cookies(planted, mine), cookies("rubbish", planted, mine)]) {
        expect((await app.send("GET", "/", headers)).json()).toEqual({ id: null });
        for (const path of ["/me", "/anybody", "/fresh"])
          expect((await app.send("GET", path, headers)).status).toBe(401);
        expect((await app.send("POST", "/claim?a=1", headers)).json()).toEqual({ updated: false, id: null });
        expect((await app.send("POST", "/rotate", headers)).json()).toEqual({ token: null, id: null });
        expect((await app.send("POST", "/logout-everywhere", headers)).status).toBe(401);
      }
      expect(app.errors[0]).toMatchObject({
        code: "UNAUTHENTICATED",
        message: "The request has two sessions: log in again",
      });
      expect(await rig.store.get(mine)).toEqual(before);
      expect(await rig.store.get(planted)).not.toBeNull();
    });

    it("both end with a log-in, which goes on with neither", async () => {
      const app = await rig.open();
      for (const path of ["/login?user=ada", "/guest"]) {
        const { mine, planted } = await twoLive(app);
        await rig.store.updateClaims(planted, { planted: true });
        const answer = await app.send("POST", path, cookies(planted, mine));
        expect(answer.status).toBe(200);
        expect(answer.json()["claims"]).not.toHaveProperty("planted");
        expect(await areDead(mine, planted)).toBe(true);
        // What the browser keeps in the end is the new one.
        const set = answer.cookies.at(-1);
        expect(set?.maxAge).toBeGreaterThan(0);
        const next = await app.send("GET", "/", cookies(planted, String(set?.value), mine));
        expect(next.json()["id"]).toBe(answer.json()["id"]);
      }
    });

    it("both end with a log-out, which takes the cookie back", async () => {
      const app = await rig.open();
      const { mine, planted } = await twoLive(app);
      const answer = await app.send("POST", "/logout?clear", cookies(planted, mine));
      expect(answer.json()).toEqual({ ended: true });
      expect(new Set(outcome(answer))).toEqual(new Set(["taken back"]));
      expect(answer.headers["clear-site-data"]).toBeDefined();
      expect(await areDead(mine, planted)).toBe(true);
    });

    it("do not stand in the way of a log-in where a user may have one session only", async () => {
      const store = rig.storeWith({ maxSessionsPerUser: 1, onSessionLimit: "reject" });
      const app = await rig.open({ store });
      const user = rig.user();
      const [mine, planted] = [await app.loggedIn(`user=${user}`), await app.loggedIn(`user=${rig.user()}`)];
      const answer = await app.send("POST", `/login?user=${user}`, cookies(mine.token, planted.token));
      expect(answer.status).toBe(200);
      expect(await store.listForUser(user)).toHaveLength(1);
    });

    it("are no session either where one is a bearer token, and end with a log-in or log-out", async () => {
      const app = await rig.open({ options: { bearer: true } });
      for (const path of ["/login", "/logout"]) {
        const { mine, planted } = await twoLive(app);
        const headers = { ...cookie(planted), ...bearer(mine) };
        const refused = await app.send("GET", "/me", headers);
        expect([refused.status, refused.headers["www-authenticate"]]).toEqual([401, 'Bearer error="invalid_request"']);
        const answer = await app.send("POST", path, headers);
        expect([answer.status, outcome(answer)]).toEqual([200, outcome(answer).map(() => "taken back")]);
        expect(answer.cookies).not.toEqual([]);
        expect(await areDead(mine, planted)).toBe(true);
        if (path === "/login") {
          expect((await app.send("GET", "/me", bearer(String(answer.json()["token"])))).status).toBe(200);
        }
      }
    });

    it("are one session, the new one, if they are the two of a rotation with grace", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const rotated = (await browser.post("/rotate?grace=60000")).json();
      const next = String(rotated["token"]);
      for (const headers of [cookies(browser.token, next), cookies(next, browser.token)]) {
        const answer = await app.send("GET", "/me", headers);
        expect([answer.status, answer.json()["id"]]).toEqual([200, rotated["id"]]);
      }
      expect((await app.send("POST", "/logout", cookies(browser.token, next))).json()).toEqual({ ended: true });
      expect(await areDead(browser.token, next)).toBe(true);
    });

    it("are told apart from an outage while they are looked up", async () => {
      const store: AnyStore = {
        ...rig.store,
        get: async (token) => {
          await rig.store.get(token);
          throw new StoreUnavailableError("down");
        },
      };
      const app = await rig.open({ store });
      const { mine, planted } = await twoLive(app);
      expect((await app.send("GET", "/", cookies(mine, planted))).status).toBe(503);
    });
  });

  describe("more than four tokens in one request", () => {
    it("are looked up as far as the fourth, and what is live beyond does not count", async () => {
      const app = await rig.open();
      const { token, id } = await app.loggedIn();
      const dead = await deadTokens(app, token);
      expect((await app.send("GET", "/me", cookies(...dead.slice(1), token, ...dead))).json()["id"]).toBe(id);
      const late = cookies(...dead, token);
      expect((await app.send("GET", "/me", late)).status).toBe(401);
      // A log-in takes the others back, so that the next request has its token alone.
      const answer = await app.send("POST", "/login", late);
      expect(answer.status).toBe(200);
      expect(outcome(answer).length).toBeGreaterThan(1);
      expect(outcome(answer).at(-1)).toBe(answer.json()["token"]);
    });
  });
}
