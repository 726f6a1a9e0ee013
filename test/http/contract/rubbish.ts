/** Headers that no honest client sends. */
import { describe, expect, it } from "vitest";
import { bearer, cookie, type HttpRig, withOtherSecret } from "./rig.js";

const ID = "01J0ABCDEFGHJKMNPQRSTVWXYZ";

export function describeRubbish(rig: HttpRig): void {
  describe("a credential that is none", () => {
    const rubbish: Record<string, string> = {
      empty: "",
      short: "x",
      "an id, which authenticates nobody": ID,
      "one character short": `${ID}.${"A".repeat(42)}`,
      "one character long": `${ID}.${"A".repeat(44)}`,
      "in lower case": `${ID.toLowerCase()}.${"A".repeat(43)}`,
      "with another alphabet": `${ID}.${"A".repeat(42)}+`,
      "with broken escapes": "%E0%A4%A%",
      "with a NUL in an escape": `%00${ID}.${"A".repeat(43)}`,
      "with bytes beyond ASCII": "\u00e4\u00f6\u00fc\u00ff",
      "with a script": "<script>alert(1)</script>",
      "with a line break in an escape": "a%0d%0aSet-Cookie:%20x=1",
      "a name of JavaScript's": "__proto__",
      "of braces": "{3k7}:s:*",
      long: "A".repeat(8000),
    };

    it.each(Object.entries(rubbish))("is no session where it is %s", async (_, value) => {
      const app = await rig.open({ options: { bearer: true } });
      for (const headers of [cookie(value), bearer(value)]) {
        const open = await app.send("GET", "/", headers);
        expect([open.status, open.body]).toEqual([200, '{"id":null}']);
        const guarded = await app.send("GET", "/me", headers);
        expect(guarded.status).toBe(401);
        expect(guarded.headers["set-cookie"]).toBeUndefined();
        // What the client sent comes back nowhere, where it might run.
        if (value.length > 1) expect(guarded.body).not.toContain(value);
      }
    });

    it("is no session where its secret is not the session's own, or quotes stand around it", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      for (const value of [withOtherSecret(token), `"${token}"`, token.slice(1), `${token}.`]) {
        expect((await app.send("GET", "/me", cookie(value))).status).toBe(401);
      }
      expect((await app.send("GET", "/me", cookie(token))).status).toBe(200);
    });

    it("hinders no log-in", async () => {
      const app = await rig.open({ options: { bearer: true } });
      for (const value of Object.values(rubbish)) {
        const answer = await app.send("POST", "/login", cookie(value));
        expect(answer.status).toBe(200);
        expect(answer.cookies).toHaveLength(1);
      }
    });
  });

  describe("headers", () => {
    it("just under the limit of Node are read, and above it end as 431", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = await app.loggedIn();
      const padded = (length: number) => ({ Cookie: `pad=${"x".repeat(length)}; __Host-session=${token}` });
      expect((await app.send("GET", "/me", padded(15_900))).status).toBe(200);
      expect((await app.send("GET", "/me", padded(16_500))).status).toBe(431);

      expect((await app.send("GET", "/me", cookie("A".repeat(15_900)))).status).toBe(401);
      expect((await app.send("GET", "/me", cookie("A".repeat(16_500)))).status).toBe(431);
      expect((await app.send("GET", "/me", bearer("A".repeat(15_900)))).status).toBe(401);
      expect((await app.send("GET", "/me", { Cookie: "__Host-session=a;".repeat(900) })).status).toBe(401);
      expect((await app.send("GET", "/me", { Cookie: ";".repeat(15_900) })).status).toBe(401);
      // The application still stands.
      expect((await app.send("GET", "/me", cookie(token))).status).toBe(200);
    });

    it("of other schemes of authentication are no tokens", async () => {
      const app = await rig.open({ options: { bearer: true } });
      const { token } = await app.loggedIn();
      for (const value of [
        token,
        "Bearer",
        "Bearer ",
        `Basic ${token}`,
        `Bearer${token}`,
        `Bearer ${token} x`,
        `Bearer token="${token}"`,
        `Token ${token}`,
        `Bearer ${token}, Bearer ${token}`,
        `x Bearer ${token}`,
      ]) {
        expect([value, (await app.send("GET", "/me", { Authorization: value })).status]).toEqual([value, 401]);
      }
      for (const value of [`bearer ${token}`, `BEARER   ${token}`, `Bearer ${token}  `]) {
        expect([value, (await app.send("GET", "/me", { Authorization: value })).status]).toEqual([value, 200]);
      }
    });
  });
}
