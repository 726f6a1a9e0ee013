/** Log-outs that too few replicas have confirmed, and such of which nobody knows whether they were made. */
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/index.js";
import type { Answer, Browser } from "./client.js";
import { type AnyStore, bearer, cookie, type HttpRig } from "./rig.js";

const MESSAGE = "Revoked on the primary, but 0 of 1 replicas confirmed it in time";

export function describeUnconfirmed(rig: HttpRig): void {
  /** Nobody replicates from the server of these tests. */
  const unreplicated = () => rig.storeWith({ replicas: { count: 1, timeout: 1 } });

  function expectTakenBack(answer: Answer, browser: Browser): void {
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.headers["cache-control"]).toContain("no-store");
    // Where the framework sends both, the headers of the response and those of the error, the line comes twice.
    expect(new Set(answer.headers["set-cookie"])).toEqual(
      new Set(["__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"]),
    );
    expect([...browser.jar]).toEqual([]);
  }

  describe("a session that has ended on the primary, unconfirmed by replicas,", () => {
    it.each(["/logout", "/logout-everywhere", "/logout?clear"])("takes its cookie along: %s", async (path) => {
      const app = await rig.open({ store: unreplicated() });
      const browser = await app.loggedIn(`user=${rig.user()}`);
      const thief = browser.stolen();
      const answer = await browser.post(path);
      expectTakenBack(answer, browser);
      expect(answer.headers["clear-site-data"]).toBe(path.endsWith("clear") ? CLEARED : undefined);
      expect(app.errors).toMatchObject([{ name: "NotReplicatedError", message: MESSAGE, confirmed: 0, wanted: 1 }]);
      expect((await thief.get("/me")).status).toBe(401);
      // The log-out is over: done again, it finds nothing to end.
      expect((await browser.post("/logout")).json()).toEqual({ ended: false });
    });

    it("of two in one request does too", async () => {
      const app = await rig.open({ store: unreplicated() });
      for (const path of ["/logout", "/login"]) {
        const [one, two] = [await app.loggedIn(), await app.loggedIn("user=eve")];
        const answer = await app.send("POST", path, {
          Cookie: `__Host-session=${one.token}; __Host-session=${two.token}`,
        });
        expect(answer.status).toBe(503);
        expect(answer.cookies.every(({ maxAge }) => maxAge === 0)).toBe(true);
        expect(answer.cookies).not.toEqual([]);
        for (const { token } of [one, two]) expect(await rig.store.get(token)).toBeNull();
      }
    });

    it("leaves no other in its place, whose token nobody has", async () => {
      const store = unreplicated();
      const made: string[] = [];
      store.events.on("created", ({ id }) => made.push(id));
      const app = await rig.open({ store });
      const browser = await app.loggedIn(`user=${rig.user()}`);
      // A guest takes the place of a user: the guest's session is made, and then the user's ends.
      expectTakenBack(await browser.post("/guest"), browser);
      expect(made).toHaveLength(2);
      for (const id of made) expect(await rig.store.find(id)).toBeNull();
      expect((await browser.post("/guest")).status).toBe(200);
      expect((await browser.get("/anybody")).status).toBe(200);
    });

    it("has no cookie to take back where it came as a bearer token", async () => {
      const app = await rig.open({ store: unreplicated(), options: { bearer: true } });
      const { token } = await app.loggedIn();
      const answer = await app.send("POST", "/logout", bearer(token));
      expect([answer.status, answer.cookies]).toEqual([503, []]);
      expect(await rig.store.get(token)).toBeNull();
    });

    it("stays with its cookie where all others were to end", async () => {
      const app = await rig.open({ store: unreplicated() });
      const user = rig.user();
      const [browser, other] = [await app.loggedIn(`user=${user}`), await app.loggedIn(`user=${user}`)];
      const answer = await browser.post("/logout-others");
      expect([answer.status, answer.cookies]).toEqual([503, []]);
      expect((await browser.get("/me")).status).toBe(200);
      expect((await other.get("/me")).status).toBe(401);
    });
  });

  describe("a session of which it is not known whether it has ended", () => {
    it.each(["/logout", "/logout-everywhere", "/guest"])("keeps its cookie: %s", async (path) => {
      const fail = async () => {
        throw new StoreUnavailableError("down");
      };
      const store: AnyStore = { ...rig.store, revoke: fail, revokeAllForUser: fail };
      const app = await rig.open({ store });
      const browser = await app.loggedIn(`user=${rig.user()}`);
      const answer = await browser.post(path);
      expect([answer.status, answer.cookies]).toEqual([503, []]);
      expect((await app.send("GET", "/me", cookie(browser.token))).status).toBe(200);
    });

    it("keeps it too where only one of two has surely ended", async () => {
      let calls = 0;
      const store: AnyStore = {
        ...unreplicated(),
        revoke: async (token) => {
          if (++calls === 2) throw new StoreUnavailableError("down");
          return unreplicated().revoke(token);
        },
      };
      const app = await rig.open({ store });
      const [one, two] = [await app.loggedIn(), await app.loggedIn("user=eve")];
      const answer = await app.send("POST", "/logout", {
        Cookie: `__Host-session=${one.token}; __Host-session=${two.token}`,
      });
      expect([answer.status, answer.cookies]).toEqual([503, []]);
      expect(app.errors).toMatchObject([{ name: "StoreUnavailableError" }]);
    });
  });
}

const CLEARED = '"cache", "cookies", "storage"';
