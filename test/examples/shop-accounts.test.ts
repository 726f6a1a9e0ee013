import { afterAll, describe, expect, it } from "vitest";
import type { Database } from "../../examples/shop/database.js";
import type { Reply } from "./client.js";
import { cartOf, logIn, MINUTE, PASSWORD, ShopRig, startGround } from "./shop-rig.js";

const { db, places } = await startGround();

const eventsOf = ({ body }: Reply) => (body as { event: string }[]).map(({ event }) => event);

describe.each(places)("the shop's accounts with sessions in %s", (place, connect) => {
  const redis = connect();
  afterAll(() => redis.disconnect());
  const rig = new ShopRig(place, redis, () => db);

  it("signs up with a password that only its hash is kept of, and logs in with it", () =>
    rig.visit(async ({ device }) => {
      const who = rig.stranger();
      const guest = device();
      await guest.post("/cart", { product: "mug" });
      const { status, body } = await guest.post("/sign-up", who);
      expect([status, body]).toMatchObject([201, { premium: false }]);
      expect(cartOf(await guest.get("/cart"))).toEqual({ mug: 1 });

      const { user } = body as { user: string };
      expect(await device().post("/log-in", who)).toMatchObject({ status: 200, body: { user } });
      const { rows } = await db.query<{ password: string }>("SELECT password FROM users WHERE id = $1", [user]);
      expect(rows[0]?.password).toMatch(/^16384:8:5:/);
      expect(rows[0]?.password).not.toContain(PASSWORD);
    }));

  it("refuses a wrong password and an unknown address in the same words, and a second account", () =>
    rig.visit(async ({ device }) => {
      const { email, password } = await rig.person();
      const wrong = await device().post("/log-in", { email, password: "not the password" });
      const unknown = await device().post("/log-in", rig.stranger());
      expect([wrong.status, wrong.body]).toEqual([unknown.status, unknown.body]);
      expect(wrong.status).toBe(401);
      expect((await device().post("/sign-up", { email: email.toUpperCase(), password })).status).toBe(409);
    }));

  it("ends the session at a log-out, for a copy of the cookie too", () =>
    rig.visit(async ({ device }) => {
      const laptop = device();
      await logIn(laptop, await rig.person());
      const { cookie } = laptop;
      expect((await laptop.post("/log-out")).body).toEqual({ ended: true });
      expect(laptop.cookie).toBe("");
      expect((await device().get("/me", { headers: { cookie } })).status).toBe(401);
    }));

  it("writes every log-in, re-authentication and end of a session to the history, newest first", () =>
    rig.visit(async ({ device }) => {
      const [laptop, phone] = [device("Laptop"), device("Phone")];
      const who = await rig.person();
      await logIn(laptop, who);
      await phone.post("/cart", { product: "mug" });
      await logIn(phone, who);
      await phone.post("/re-authenticate", { password: PASSWORD });
      await phone.post("/log-out");

      const history = await laptop.get("/history");
      expect(eventsOf(history)).toEqual(["end: revoked", "re-authentication", "log-in", "log-in"]);
      expect(history.body).toMatchObject([{}, { userAgent: "Phone" }, { userAgent: "Phone" }, { userAgent: "Laptop" }]);
      const { rows } = await db.query<{ count: number }>(
        "SELECT count(*)::int AS count FROM login_history WHERE user_id = $1",
        [who.id],
      );
      expect(rows).toEqual([{ count: 4 }]);
    }));

  it("writes the end of a session that another user took over at the log-in, and carries no cart over", () =>
    rig.visit(async ({ device }) => {
      const shared = device();
      const [first, second] = [await rig.person(), await rig.person()];
      await logIn(shared, first);
      await shared.post("/cart", { product: "mug" });
      await logIn(shared, second);
      expect(eventsOf(await shared.get("/history"))).toEqual(["log-in"]);
      expect(cartOf(await shared.get("/cart"))).toEqual({});
      await logIn(shared, first);
      expect(eventsOf(await shared.get("/history"))).toEqual(["log-in", "end: replaced", "log-in"]);
    }));

  it("goes on when the history cannot be written, and says so in its log", () => {
    const query: Database["query"] = (text, ...rest) =>
      text.startsWith("INSERT INTO login_history") ? Promise.reject(new Error("no history")) : db.query(text, ...rest);
    return rig.visit(
      async ({ device, log }) => {
        const laptop = device();
        const who = await rig.person();
        await logIn(laptop, who);
        expect((await laptop.get("/history")).body).toEqual([]);
        const lines = log.map((line) => JSON.parse(line) as unknown);
        expect(lines).toMatchObject([{ level: 50, userId: who.id, event: "log-in", err: { message: "no history" } }]);
      },
      { faults: { query } },
    );
  });

  it("serves a page whose forms do the same, and asks there for the password when the log-in is old", () =>
    rig.visit(async ({ device }) => {
      const browser = device();
      const page = async () => String((await browser.get("/", { headers: { accept: "text/html" } })).body);
      const { email, password } = await rig.person();
      expect(await page()).toContain("Nothing in it yet.");
      const added = await browser.send("POST", "/cart", { form: { product: "kettle" } });
      expect([added.status, added.headers.get("location")]).toEqual([303, "/"]);
      expect(await page()).toContain("1 × Enamel kettle");
      const refused = await browser.send("POST", "/checkout", { form: {} });
      expect(refused.status).toBe(401);
      expect(refused.body).not.toContain('action="/re-authenticate"');
      await browser.send("POST", "/log-in", { form: { email, password } });

      await rig.age(browser, 6 * MINUTE);
      const stale = await browser.send("POST", "/checkout", { form: {} });
      expect(stale.status).toBe(401);
      expect(stale.body).toContain('action="/re-authenticate"');
      await browser.send("POST", "/re-authenticate", { form: { password } });
      expect((await browser.send("POST", "/checkout", { form: {} })).status).toBe(303);
      expect(await page()).toContain("Nothing in it yet.");
    }));

  it("escapes what it puts into a page", () =>
    rig.visit(async ({ device }) => {
      await db.query("INSERT INTO products (id, name, cents) VALUES ('xss', '<script>alert(1)</script>', 1)");
      try {
        const { body } = await device().get("/", { headers: { accept: "text/html" } });
        expect(body).toContain("&#60;script&#62;alert(1)&#60;/script&#62;");
        expect(body).not.toContain("<script");
      } finally {
        await db.query("DELETE FROM products WHERE id = 'xss'");
      }
    }));

  it("refuses a form that another site sends", () =>
    rig.visit(async ({ device }) => {
      const victim = device();
      await logIn(victim, await rig.person());
      const headers = { "sec-fetch-site": "cross-site", origin: "https://evil.example" };
      const forged = await victim.send("POST", "/premium", { form: {}, headers });
      expect(forged.status).toBe(403);
      expect((await victim.get("/me")).body).toMatchObject({ premium: false });
    }));
});
