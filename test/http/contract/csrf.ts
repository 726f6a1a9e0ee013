/** Cross-site request forgery: the whole table of what browsers say of a request, and what becomes of it. */
import { describe, expect, it } from "vitest";
import { passThrough } from "../../harness/pass-through.js";
import type { Headers } from "./client.js";
import { bearer, cookie, type HttpRig, type Running } from "./rig.js";

const TRUSTED = "https://app.example.com";
const ORIGINS = ["absent", "own", "trusted", "foreign", "null"] as const;

/**
 * Whether a request that changes something goes through, by `Sec-Fetch-Site` (rows) and `Origin` (columns), where one
 * other origin is trusted. Where none is, the column "trusted" reads as "foreign" does.
 */
const TABLE: Record<string, string> = {
  //               absent own  trusted foreign null
  absent: "        yes    yes  yes     no      no",
  "same-origin": " yes    yes  yes     yes     yes",
  "same-site": "   no     no   yes     no      no",
  "cross-site": "  no     no   yes     no      no",
  none: "          yes    yes  yes     yes     yes",
  nonsense: "      no     no   yes     no      no",
};

interface Case {
  readonly site: string;
  readonly origin: (typeof ORIGINS)[number];
  readonly passes: boolean;
}

function casesWhere({ trusting }: { trusting: boolean }): Case[] {
  return Object.entries(TABLE).flatMap(([site, row]) => {
    const cells = row.trim().split(/ +/);
    return ORIGINS.map((origin, at) => {
      const column = origin === "trusted" && !trusting ? ORIGINS.indexOf("foreign") : at;
      return { site, origin, passes: cells[column] === "yes" };
    });
  });
}

function headersOf({ site, origin }: Case, app: Running): Headers {
  const origins = {
    absent: undefined,
    own: app.origin,
    trusted: TRUSTED,
    foreign: "https://evil.example",
    null: "null",
  };
  return { "Sec-Fetch-Site": site === "absent" ? undefined : site, Origin: origins[origin] };
}

/** Runs the whole table and gives the cases as they came out, to be compared as a whole. */
async function outcomes(app: Running, cases: Case[], run: (headers: Headers) => Promise<number>): Promise<Case[]> {
  const seen: Case[] = [];
  for (const each of cases) {
    const status = await run(headersOf(each, app));
    expect([200, 403], `unexpected status for ${JSON.stringify(each)}`).toContain(status);
    seen.push({ ...each, passes: status === 200 });
  }
  return seen;
}

export function describeCsrf(rig: HttpRig): void {
  describe.each([
    { trusting: false, options: {} },
    { trusting: true, options: { csrf: { trustedOrigins: [TRUSTED] } } },
  ])("a request of another site (trusted origins: $trusting)", ({ trusting, options }) => {
    const cases = casesWhere({ trusting });
    const allPass = cases.map((each) => ({ ...each, passes: true }));

    it("changes nothing with the cookie", async () => {
      const app = await rig.open({ options });
      const { token } = await app.loggedIn();
      expect(
        await outcomes(app, cases, async (headers) => {
          const { status } = await app.send("POST", "/claim?by=csrf", { ...headers, ...cookie(token) });
          const changed = (await rig.store.get(token))?.claims["by"] === "csrf";
          expect(changed).toBe(status === 200);
          await rig.store.updateClaims(token, { by: undefined });
          return status;
        }),
      ).toEqual(cases);
    });

    it("may read, as links from everywhere lead here", async () => {
      const app = await rig.open({ options });
      const { token } = await app.loggedIn();
      const get = async (headers: Headers) => (await app.send("GET", "/me", { ...headers, ...cookie(token) })).status;
      expect(await outcomes(app, cases, get)).toEqual(allPass);
    });

    it("may do what its bearer token allows, which no browser adds by itself", async () => {
      const app = await rig.open({ options: { ...options, bearer: true } });
      const { token } = await app.loggedIn();
      for (const credentials of [bearer(token), { ...bearer(token), ...cookie(token) }]) {
        const post = async (headers: Headers) =>
          (await app.send("POST", "/claim?a=1", { ...headers, ...credentials })).status;
        expect(await outcomes(app, cases, post)).toEqual(allPass);
      }
    });

    it("logs nobody in, as a user whom the victim takes for themself", async () => {
      const app = await rig.open({ options });
      expect(
        await outcomes(app, cases, async (headers) => {
          const user = rig.user();
          const answer = await app.send("POST", `/login?user=${user}`, headers);
          expect(answer.cookies).toHaveLength(answer.status === 200 ? 1 : 0);
          expect(await rig.store.listForUser(user)).toHaveLength(answer.status === 200 ? 1 : 0);
          return answer.status;
        }),
      ).toEqual(cases);
    });

    it("may bring a browser back to log in, as identity providers and mails do", async () => {
      const app = await rig.open({ options });
      const get = async (headers: Headers) => (await app.send("GET", "/callback", headers)).status;
      expect(await outcomes(app, cases, get)).toEqual(allPass);
    });

    it("logs nobody out, also where the browser keeps the cookie back", async () => {
      const app = await rig.open({ options });
      expect(
        await outcomes(app, cases, async (headers) => {
          const answer = await app.send("POST", "/logout?clear", headers);
          if (answer.status !== 200) {
            expect(answer.headers["set-cookie"]).toBeUndefined();
            expect(answer.headers["clear-site-data"]).toBeUndefined();
          }
          return answer.status;
        }),
      ).toEqual(cases);
    });

    it("asks nothing of Redis before it is refused", async () => {
      let calls = 0;
      const counting = passThrough(rig.redis, {
        evalsha: (...args: Parameters<typeof rig.redis.evalsha>) => {
          calls++;
          return rig.redis.evalsha(...args);
        },
      });
      const app = await rig.open({ options, store: rig.storeWith({ near: undefined }, counting) });
      const { token } = await app.loggedIn();
      calls = 0;
      const forged = { ...cookie(token), "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" };
      expect((await app.send("POST", "/claim?a=1", forged)).status).toBe(403);
      expect(calls).toBe(0);
      expect((await app.send("POST", "/claim?a=1", cookie(token))).status).toBe(200);
      expect(calls).toBe(2);
    });
  });

  describe("the defence against other sites", () => {
    it("is told apart from a missing role", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      await app.send("POST", "/claim", { ...cookie(token), "Sec-Fetch-Site": "cross-site" });
      await app.send("GET", "/admin", cookie(token));
      expect(app.errors).toMatchObject([
        { name: "UntrustedOriginError", code: "UNTRUSTED_ORIGIN", status: 403 },
        { name: "ForbiddenError", code: "FORBIDDEN", status: 403 },
      ]);
    });

    it("can be turned off", async () => {
      const app = await rig.open({ options: { csrf: false } });
      const foreign = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example" };
      const answer = await app.send("POST", "/login", foreign);
      expect(answer.status).toBe(200);
      const credentials = { ...foreign, ...cookie(String(answer.json()["token"])) };
      expect((await app.send("POST", "/claim?a=1", credentials)).status).toBe(200);
      expect((await app.send("POST", "/logout", credentials)).status).toBe(200);
    });

    it("knows its own form by its Referer where the page hides its origin, as with Helmet's policy", async () => {
      const app = await rig.open();
      const hidden = { Origin: "null", Referer: `${app.origin}/login?next=%2F` };
      const answer = await app.send("POST", "/login", hidden);
      expect(answer.status).toBe(200);
      const credentials = cookie(String(answer.json()["token"]));
      for (const [referer, status] of [
        [hidden.Referer, 200],
        [undefined, 403],
        ["https://evil.example/", 403],
        [`https://evil.example/${app.origin}`, 403],
      ] as const) {
        const headers = { ...credentials, Origin: "null", Referer: referer };
        expect([referer, (await app.send("POST", "/claim?a=1", headers)).status]).toEqual([referer, status]);
        expect([referer, (await app.send("POST", "/login", { ...headers, Cookie: undefined })).status]).toEqual([
          referer,
          status,
        ]);
      }
      expect((await app.send("POST", "/logout", { ...credentials, ...hidden })).json()).toEqual({ ended: true });
    });

    it("knows its own host in capitals and with a default port", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      for (const [host, origin, status] of [
        ["Shop.Example", "https://shop.example", 200],
        ["shop.example:443", "https://shop.example", 200],
        ["shop.example:80", "https://shop.example", 200],
        ["shop.example:80", "http://shop.example", 200],
        ["[2001:DB8::1]:443", "https://[2001:db8::1]", 200],
        ["shop.example:8443", "https://shop.example", 403],
        ["shop.example:443", "https://shop.example:8443", 403],
      ] as const) {
        const { status: got } = await app.send("POST", "/claim?a=1", { ...cookie(token), Host: host, Origin: origin });
        expect([host, origin, got]).toEqual([host, origin, status]);
      }
    });

    it("is not misled by headers that come twice", async () => {
      const app = await rig.open({ options: { csrf: { trustedOrigins: [TRUSTED] } } });
      const { token } = await app.loggedIn();
      for (const headers of [
        { "Sec-Fetch-Site": ["same-origin", "cross-site"] },
        { "Sec-Fetch-Site": ["cross-site", "same-origin"] },
        { Origin: [app.origin, "https://evil.example"] },
        { Origin: ["https://evil.example", TRUSTED] },
      ]) {
        expect((await app.send("POST", "/claim?a=1", { ...cookie(token), ...headers })).status).toBe(403);
      }
    });

    it("compares the whole host, with its port", async () => {
      const app = await rig.open();
      const { token } = await app.loggedIn();
      for (const origin of [
        `http://127.0.0.1:${app.port + 1}`,
        "http://127.0.0.1",
        `http://127.0.0.1:${app.port}.evil.example`,
        `http://evil.example/127.0.0.1:${app.port}`,
        `http://evil-127.0.0.1:${app.port}`,
        "",
        "not a URL",
      ]) {
        const { status } = await app.send("POST", "/claim?a=1", { ...cookie(token), Origin: origin });
        expect([origin, status]).toEqual([origin, 403]);
      }
    });
  });
}
