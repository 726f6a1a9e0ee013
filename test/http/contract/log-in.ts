/** Log-in: always a new token, and nothing of the old session left but a guest's claims. */
import { describe, expect, it } from "vitest";
import { cookie, type HttpRig } from "./rig.js";

export function describeLogIn(rig: HttpRig): void {
  describe("a log-in", () => {
    it("ends the session that an attacker has planted (ASVS 5.0, 7.2.4)", async () => {
      const app = await rig.open();
      const attacker = app.browser();
      await attacker.post("/guest?item=bait");
      const victim = attacker.stolen();
      await victim.post("/login?user=victim");

      expect(victim.jar.get("__Host-session")).not.toBe(attacker.jar.get("__Host-session"));
      expect((await victim.get("/me")).json()["userId"]).toBe("victim");
      expect((await attacker.get("/me")).status).toBe(401);
    });

    it.each([
      ["the same", "ada"],
      ["another", "eve"],
    ])("of %s user on a live session gives a new token and ends the old one", async (_, next) => {
      const app = await rig.open();
      const browser = await app.loggedIn("user=ada&role=admin");
      const before = browser.stolen();
      const answer = await browser.post(`/login?user=${next}`);

      expect(answer.status).toBe(200);
      expect(answer.json()["token"]).not.toBe(browser.token);
      expect((await browser.get("/me")).json()).toMatchObject({ userId: next, claims: { role: "member" } });
      expect((await before.get("/me")).status).toBe(401);
      expect(await rig.store.get(browser.token)).toBeNull();
    });

    it("carries a guest's claims over, and puts its own on top", async () => {
      const app = await rig.open();
      const browser = app.browser();
      const guest = (await browser.post("/guest?item=hat&item=coat")).json();
      expect(guest).toMatchObject({ userId: null, claims: { cart: ["hat", "coat"] } });
      await browser.post("/claim?colour=red");

      expect((await browser.post("/login")).json()).toMatchObject({
        userId: "ada",
        claims: { cart: ["hat", "coat"], colour: "red", role: "member" },
      });
      expect((await browser.get("/me")).json()["claims"]).toEqual({
        cart: ["hat", "coat"],
        colour: "red",
        role: "member",
      });
    });

    it.each([
      ["one after the other", false],
      ["at once", true],
    ])(
      "that is sent twice, %s, ends in a session with the guest's claims whichever answer counts",
      async (_, atOnce) => {
        const app = await rig.open();
        const browser = app.browser();
        await browser.post("/guest?item=hat");
        const clicks = [browser.stolen(), browser.stolen()];
        const answers = atOnce
          ? await Promise.all(clicks.map((click) => click.post("/login")))
          : [await clicks[0]?.post("/login"), await clicks[1]?.post("/login")];
        for (const answer of answers) expect(answer?.status).toBe(200);
        for (const click of clicks) {
          expect((await click.get("/me")).json()).toMatchObject({
            userId: "ada",
            claims: { cart: ["hat"], role: "member" },
          });
        }
        expect((await browser.get("/me")).status).toBe(401);
      },
    );

    it("of another user with a guest's cookie that was used up gets nothing of the guest", async () => {
      const app = await rig.open();
      const browser = app.browser();
      await browser.post("/guest?item=hat");
      const late = browser.stolen();
      await browser.post("/login");
      expect((await late.post("/login?user=eve")).json()).toMatchObject({ userId: "eve", claims: { role: "member" } });
      expect((await late.get("/me")).json()["claims"]).toEqual({ role: "member" });
    });

    it("carries nothing over from one user to the next", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn("user=ada&role=admin");
      await browser.post("/claim?secret=mine");
      expect((await browser.post("/login?user=eve")).json()["claims"]).toEqual({ role: "member" });
    });

    it("without a user makes a guest, also of somebody who was logged in", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn("user=ada&role=admin");
      const guest = (await browser.post("/guest?item=hat")).json();

      expect(guest).toMatchObject({ userId: null, claims: { cart: ["hat"] } });
      expect(guest["claims"]).not.toHaveProperty("role");
      expect((await browser.get("/")).json()).toEqual(guest);
      expect(await rig.store.get(browser.token)).toBeNull();
    });

    it("keeps a guest a guest, with the claims there are and another token", async () => {
      const app = await rig.open();
      const browser = app.browser();
      const first = (await browser.post("/guest?item=hat")).json();
      await browser.post("/claim?colour=red");
      const second = (await browser.post("/guest?item=coat")).json();
      expect(second).toMatchObject({ userId: null, claims: { cart: ["coat"], colour: "red" } });
      expect(second["id"]).not.toBe(first["id"]);
      expect(await rig.store.find(first["id"] as string)).toBeNull();
    });

    it("with a token in its grace ends both of the old session's tokens", async () => {
      const app = await rig.open();
      const user = rig.user();
      const late = await app.loggedIn(`user=${user}`);
      const early = late.stolen();
      await early.post("/rotate?grace=60000");
      expect((await late.get("/me")).status).toBe(200);

      await late.post(`/login?user=${user}`);
      expect((await late.get("/me")).status).toBe(200);
      expect((await early.get("/me")).status).toBe(401);
      expect(await rig.store.listForUser(user)).toHaveLength(1);
    });

    it("succeeds where the session that came along ends meanwhile, and leaves one session", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const user = rig.user();
      await rig.store.revoke(browser.token);
      expect((await browser.post(`/login?user=${user}`)).status).toBe(200);
      expect((await browser.get("/me")).json()["userId"]).toBe(user);
      expect(await rig.store.listForUser(user)).toHaveLength(1);
    });

    it("remembers the browser, as far as it says what it is", async () => {
      const app = await rig.open();
      const user = rig.user();
      await app.send("POST", `/login?user=${user}`, { "User-Agent": "Firefox" });
      expect(await rig.store.listForUser(user)).toMatchObject([{ client: { userAgent: "Firefox" } }]);

      const silent = rig.user();
      await app.send("POST", `/login?user=${silent}`);
      expect((await rig.store.listForUser(silent)).map(({ client }) => client)).toEqual([{}]);

      const known = rig.user();
      await app.send("POST", `/login?user=${known}&ip=192.0.2.1`, { "User-Agent": "Firefox" });
      expect((await rig.store.listForUser(known)).map(({ client }) => client)).toEqual([{ ip: "192.0.2.1" }]);

      // The whole header of two proxies, as some applications pass it on.
      const far = rig.user();
      const addresses = `203.0.113.7, ${"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff, ".repeat(3)}10.0.0.1`;
      const path = `/login?user=${far}&ip=${encodeURIComponent(addresses)}`;
      expect((await app.send("POST", path)).status).toBe(200);
      expect((await rig.store.listForUser(far)).map(({ client }) => client)).toEqual([{ ip: "203.0.113.7" }]);

      const wordy = rig.user();
      expect((await app.send("POST", `/login?user=${wordy}`, { "User-Agent": "x".repeat(9000) })).status).toBe(200);
    });

    it("remembers the client that it names in place of the one that a session brings along", async () => {
      const app = await rig.open();
      const firefox = { "User-Agent": "Firefox" };
      const user = rig.user();
      for (const path of ["/guest", "/login?user=somebody", `/login?user=${user}`]) {
        await rig.store.revokeAllForUser(user);
        const browser = app.browser();
        await browser.post(path, firefox);
        await browser.post(`/login?user=${user}&ip=192.0.2.7`, firefox);
        expect((await rig.store.listForUser(user)).map(({ client }) => client)).toEqual([{ ip: "192.0.2.7" }]);
      }
    });

    it("keeps the client that a session brings along, where it names none", async () => {
      const app = await rig.open();
      const user = rig.user();
      const browser = app.browser();
      await browser.post("/guest", { "User-Agent": "Firefox" });
      for (let n = 0; n < 2; n++) {
        await browser.post(`/login?user=${user}`);
        expect((await rig.store.listForUser(user)).map(({ client }) => client)).toEqual([{ userAgent: "Firefox" }]);
      }
    });

    it("is refused to a blocked user, whose sessions end before their next request", async () => {
      const app = await rig.open();
      const user = rig.user();
      const browser = await app.loggedIn(`user=${user}`);
      const guest = app.browser();
      await guest.post("/guest");
      await rig.store.blockUser(user, { reason: "spam, said the moderator" });

      expect((await browser.get("/me")).status).toBe(401);
      for (const client of [browser, guest, app.browser()]) {
        const answer = await client.post(`/login?user=${user}`);
        expect(answer.status).toBe(403);
        expect(answer.headers["set-cookie"]).toBeUndefined();
        expect(answer.body).not.toContain("moderator");
        expect(app.errors.at(-1)).toMatchObject({ name: "UserBlockedError", reason: "spam, said the moderator" });
      }
      expect((await guest.get("/")).json()).toMatchObject({ userId: null });

      await rig.store.unblockUser(user);
      expect((await browser.get("/me")).status).toBe(401);
      expect((await browser.post(`/login?user=${user}`)).status).toBe(200);
    });

    it("beyond the limit of sessions is 403, and takes nothing from the session that came along", async () => {
      const app = await rig.open({ store: rig.storeWith({ maxSessionsPerUser: 1, onSessionLimit: "reject" }) });
      const user = rig.user();
      await app.loggedIn(`user=${user}`);
      const guest = app.browser();
      await guest.post("/guest?item=hat");
      expect((await guest.post(`/login?user=${user}`)).status).toBe(403);
      expect((await guest.get("/")).json()).toMatchObject({ userId: null, claims: { cart: ["hat"] } });
    });
  });

  describe("a rotation", () => {
    it("gives the session a new token, and the old one is dead", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const before = browser.stolen();
      expect((await browser.post("/rotate")).status).toBe(200);
      expect((await browser.get("/me")).json()).toMatchObject({ userId: "ada" });
      expect((await before.get("/me")).status).toBe(401);
    });

    it("with a grace lets requests under way finish, and they still know their session", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const late = cookie(browser.token);
      await browser.post("/rotate?grace=60000");
      const second = await app.send("POST", "/rotate", late);
      expect([second.status, second.json(), second.headers["set-cookie"]]).toEqual([
        200,
        { token: null, id: browser.id, userId: "ada", claims: { role: "member" } },
        undefined,
      ]);
      expect((await browser.get("/me")).status).toBe(200);
    });

    it("of a session that is no more is null, and sets no cookie", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      await rig.store.revoke(token);
      const answer = await app.send("POST", "/rotate", cookie(token));
      expect([answer.json(), answer.headers["set-cookie"]]).toEqual([{ token: null, id: null }, undefined]);
      expect((await app.send("POST", "/rotate")).json()).toEqual({ token: null, id: null });
    });
  });
}
