/** The session cookie, as browsers get it and send it back. */
import { describe, expect, it } from "vitest";
import type { CookieOptions } from "../../../src/http.js";
import { MINUTE } from "./app.js";
import { cookie, type HttpRig } from "./rig.js";

const HOURS_12 = 12 * 60 * 60;

export function describeCookies(rig: HttpRig): void {
  describe("the session cookie", () => {
    it("is for this host, HTTPS and HTTP alone, as long as the session can last", async () => {
      const app = await rig.open();
      const answer = await app.browser().post("/login");
      expect(answer.headers["set-cookie"]).toEqual([
        `__Host-session=${answer.json()["token"]}; Max-Age=${HOURS_12}; Path=/; HttpOnly; Secure; SameSite=Lax`,
      ]);
    });

    it.each<[string, CookieOptions, string]>([
      ["without secure", { secure: false }, "session=T; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax"],
      [
        "with a domain",
        { domain: "example.com" },
        "__Secure-session=T; Max-Age=43200; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax",
      ],
      ["with a path", { path: "/app" }, "__Secure-session=T; Max-Age=43200; Path=/app; HttpOnly; Secure; SameSite=Lax"],
      [
        "with strict sameSite",
        { sameSite: "strict" },
        "__Host-session=T; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=Strict",
      ],
      [
        "with sameSite none",
        { sameSite: "none" },
        "__Host-session=T; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=None",
      ],
      [
        "with a partition for each site that it is embedded in",
        { partitioned: true },
        "__Host-session=T; Max-Age=43200; Path=/; HttpOnly; Secure; Partitioned; SameSite=None",
      ],
      [
        "with a partition and a sameSite of its own",
        { partitioned: true, sameSite: "lax" },
        "__Host-session=T; Max-Age=43200; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax",
      ],
      ["with a name", { name: "sid" }, "sid=T; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=Lax"],
      ["without persistence", { persistent: false }, "__Host-session=T; Path=/; HttpOnly; Secure; SameSite=Lax"],
    ])("looks as the options want it %s, and is found again", async (_, options, expected) => {
      const app = await rig.open({ options: { cookie: options } });
      const browser = app.browser();
      const answer = await browser.post("/login");
      expect(answer.headers["set-cookie"]).toEqual([expected.replace("T", String(answer.json()["token"]))]);
      expect((await browser.get("/me")).status).toBe(200);
    });

    it("lasts no longer than the absolute deadline that is left", async () => {
      const app = await rig.open({ store: rig.storeWith({ absoluteTimeout: 90_500, idleTimeout: 90_500 }) });
      const [first] = (await app.browser().post("/login")).cookies;
      expect(first?.maxAge).toBe(91);

      const later = await rig.open();
      const browser = await later.loggedIn();
      await rig.age(browser.id, 20 * MINUTE);
      const [rotated] = (await browser.post("/rotate")).cookies;
      // Some time has passed since, and the rest is rounded up.
      expect(rotated?.maxAge).toBeLessThanOrEqual(HOURS_12 - 20 * 60);
      expect(rotated?.maxAge).toBeGreaterThan(HOURS_12 - 20 * 60 - 15);
      const [renewed] = (await browser.post("/rotate?reauthenticated")).cookies;
      expect(renewed?.maxAge).toBe(HOURS_12);
    });

    it("is found among others, quoted ones and nonsense beside it", async () => {
      const app = await rig.open();
      const { token, id } = await app.loggedIn();
      for (const header of [
        `theme="dark"; __Host-session=${token}; lang=de`,
        `a=1;__Host-session=${token};b=2`,
        `  __Host-session = ${token}  ; x`,
        `;;=;novalue; __Host-session=${token};`,
        `x__Host-session=other; __Host-session=${token}; __Host-session2=other`,
        `note=__Host-session; __Host-session=${token}`,
        `bad=%E0%A4%A; __Host-session=${token}`,
        `__proto__=x; toString=y; __Host-session=${token}`,
        `__Host-session=; __Host-session=${token}`,
      ]) {
        const answer = await app.send("GET", "/me", { Cookie: header });
        expect([header, answer.status]).toEqual([header, 200]);
        expect(answer.json()["id"]).toBe(id);
      }
    });

    it("is found where the browser sends several Cookie headers", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      const answer = await app.send("GET", "/me", { Cookie: ["a=1", `__Host-session=${token}`, "b=2"] });
      expect(answer.status).toBe(200);
    });

    it("counts under its exact name alone", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      for (const name of ["session", "__host-session", "__Secure-session", "__Host-Session", "__Host-sessio"]) {
        expect((await app.send("GET", "/me", { Cookie: `${name}=${token}` })).status).toBe(401);
      }
    });

    it("may come twice with the same value", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      const header = `__Host-session=${token}; __Host-session=${token}`;
      expect((await app.send("GET", "/me", { Cookie: header })).status).toBe(200);
    });

    it("is not taken back by a bystander, whose late answer would undo a log-in meanwhile", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      const stale = cookie(browser.token);
      expect((await browser.post("/logout")).cookies).toHaveLength(1);
      for (const [method, path, status] of [
        ["GET", "/", 200],
        ["GET", "/me", 401],
        ["GET", "/admin", 401],
        ["POST", "/claim?a=1", 200],
        ["POST", "/rotate", 200],
        ["POST", "/logout-others", 401],
      ] as const) {
        const answer = await app.send(method, path, stale);
        expect([path, answer.status, answer.headers["set-cookie"]]).toEqual([path, status, undefined]);
      }
    });

    it("is not set by requests that only use it", async () => {
      const app = await rig.open({ store: rig.storeWith({ touchInterval: 0 }) });
      const browser = await app.loggedIn();
      for (const answer of [await browser.get("/me"), await browser.get("/"), await browser.post("/claim?a=1")]) {
        expect(answer.headers["set-cookie"]).toBeUndefined();
      }
    });

    it("adopts no token that the client has made up", async () => {
      const app = await rig.open();
      const made = `01J0ABCDEFGHJKMNPQRSTVWXYZ.${"A".repeat(43)}`;
      const answer = await app.send("POST", "/login", cookie(made));
      expect(answer.status).toBe(200);
      expect(answer.json()["token"]).not.toBe(made);
      expect((await app.send("GET", "/me", cookie(made))).status).toBe(401);
    });
  });

  describe("the headers of a response", () => {
    it("forbid to keep what is said in a session, and what sets or takes back a cookie", async () => {
      const app = await rig.open();
      const browser = app.browser();
      for (const [method, path] of [
        ["post", "/guest"],
        ["post", "/login"],
        ["get", "/me"],
        ["post", "/rotate"],
        ["post", "/logout-others"],
        ["post", "/logout"],
      ] as const) {
        const answer = await browser[method](path);
        expect([path, answer.status, answer.headers["cache-control"]]).toEqual([path, 200, "no-store"]);
      }
    });

    it("say it once, however many calls of a request have reason to", async () => {
      const app = await rig.open();
      const browser = await app.loggedIn();
      // Asks for the session, ends it, and takes the cookie back.
      const answer = await browser.post("/logout-everywhere");
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.headers["set-cookie"]).toHaveLength(1);
    });

    it("stand beside those that the application has set already", async () => {
      const app = await rig.open({ headers: { "Cache-Control": "private", "Set-Cookie": "theme=dark" } });
      const browser = app.browser();
      const login = await browser.post("/login");
      expect(login.headers["cache-control"]).toBe("private, no-store");
      expect(login.cookies.map(({ name }) => name)).toEqual(["theme", "__Host-session"]);
      const me = await browser.get("/me");
      expect([me.status, me.headers["cache-control"]]).toEqual([200, "private, no-store"]);
    });

    it("say nothing about a page that is for everybody", async () => {
      const app = await rig.open();
      const answer = await app.send("GET", "/");
      expect(answer.status).toBe(200);
      expect(answer.headers["cache-control"]).toBeUndefined();
      expect(answer.headers["set-cookie"]).toBeUndefined();
    });
  });
}
