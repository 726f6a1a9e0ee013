/** The judgement of origins by itself. The whole table, over a socket, is in contract/csrf.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FastifyPort } from "../../src/adapters/fastify-port.js";
import { isSafe, isTrusted, parseCsrfOption, parseTrustedOrigins } from "../../src/http/csrf.js";
import { nodePort } from "../../src/http/node-port.js";
import type { HttpPort } from "../../src/http/port.js";

function portOf(headers: Record<string, string>, method = "POST"): HttpPort {
  return {
    method,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    appendHeader: () => expect.fail("a judgement writes no header"),
  };
}

const nobody = parseTrustedOrigins([]);
const host = "shop.example.com";

describe("isSafe", () => {
  it("holds for the methods of RFC 9110, 9.2.1, and for no other", () => {
    for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "get"]) expect(isSafe(method)).toBe(true);
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "QUERY", "PROPFIND", "", "GET "]) {
      expect(isSafe(method)).toBe(false);
    }
  });
});

describe("isTrusted", () => {
  it("believes Sec-Fetch-Site before Origin", () => {
    const origin = `https://${host}`;
    expect(isTrusted(portOf({ "sec-fetch-site": "same-origin", origin: "null", host }), nobody)).toBe(true);
    expect(isTrusted(portOf({ "sec-fetch-site": "cross-site", origin, host }), nobody)).toBe(false);
    expect(isTrusted(portOf({ "sec-fetch-site": "same-site", origin, host }), nobody)).toBe(false);
  });

  it("trusts no site but same-origin and none, whatever it is called", () => {
    fc.assert(
      // Chance alone would never write one of the names that browsers send.
      fc.property(fc.oneof(fc.constantFrom("same-origin", "none", "same-site", "cross-site"), fc.string()), (site) => {
        const port = portOf({ "sec-fetch-site": site, origin: `https://${host}`, host });
        expect(isTrusted(port, nobody)).toBe(site === "same-origin" || site === "none");
      }),
    );
  });

  it("compares the hosts where there is only an Origin, with any scheme, as a proxy may end TLS", () => {
    for (const [origin, own, trusted] of [
      ["https://shop.example.com", host, true],
      ["http://shop.example.com", host, true],
      ["https://shop.example.com:8443", "shop.example.com:8443", true],
      ["https://shop.example.com:8443", host, false],
      ["https://shop.example.com", "shop.example.com:8443", false],
      ["https://example.com", host, false],
      ["https://shop.example.com.evil.example", host, false],
      ["https://evil.example", host, false],
      ["http://[::1]:3000", "[::1]:3000", true],
      ["null", host, false],
      ["null", "null", false],
      ["", "", false],
      ["file://", "", false],
      // What looks like a host in one of the two, and is none.
      ["capacitor://shop.example.com", host, false],
      ["https://evil.example", "shop.example.com@evil.example", false],
      ["https://evil.example", "evil.example/", false],
      ["https://evil.example", "evil.example?", false],
      ["https://evil.example", "evil.example#", false],
      ["https://evil.example", "evil.example\\", false],
      ["https://evil.example", "evil.example x", false],
      ["https://shop.example.com@evil.example", host, false],
    ] as const) {
      expect([origin, own, isTrusted(portOf({ origin, host: own }), nobody)]).toEqual([origin, own, trusted]);
    }
  });

  it("compares them as browsers do: neither capitals nor a default port make another host, a final dot does", () => {
    for (const [origin, own, trusted] of [
      ["https://shop.example.com", "Shop.Example.COM", true],
      ["https://shop.example.com", "shop.example.com:443", true],
      ["http://shop.example.com", "shop.example.com:80", true],
      // A proxy that ends TLS may name the port on which it asks.
      ["https://shop.example.com", "shop.example.com:80", true],
      ["http://shop.example.com", "shop.example.com:443", true],
      ["https://shop.example.com", "SHOP.example.com:443", true],
      ["https://shop.example.com:443", "shop.example.com", true],
      ["https://shop.example.com", "shop.example.com:8443", false],
      ["https://shop.example.com", "shop.example.com:4430", false],
      ["https://shop.example.com:80", "shop.example.com:443", false],
      ["https://shop.example.com:8443", "shop.example.com:443", false],
      ["https://[2001:db8::1]", "[2001:DB8::1]", true],
      ["https://[2001:db8::1]", "[2001:0db8:0::1]:443", true],
      ["http://[::1]:3000", "[::1]:3001", false],
      ["https://xn--exmple-cua.com", "exämple.com", true],
      ["https://shop.example.com.", "shop.example.com.", true],
      // To browsers and to DNS these are two hosts, with cookies of their own.
      ["https://shop.example.com.", host, false],
      ["https://shop.example.com", "shop.example.com.", false],
    ] as const) {
      expect([origin, own, isTrusted(portOf({ origin, host: own }), nobody)]).toEqual([origin, own, trusted]);
    }
  });

  it("judges a hidden origin by the host of the Referer, and trusts nobody where that is hidden too", () => {
    const hidden = { origin: "null", host };
    expect(isTrusted(portOf(hidden), nobody)).toBe(false);
    for (const [referer, trusted] of [
      [`https://${host}/login?next=%2F`, true],
      [`http://${host}:80/login`, true],
      ["https://SHOP.example.com:443/login", true],
      ["", false],
      ["https://evil.example/", false],
      [`https://evil.example/https://${host}/`, false],
      [`https://${host}@evil.example/`, false],
      [`https://${host}.evil.example/`, false],
      [`https://${host}:8443/`, false],
      [host, false],
      [`//${host}/`, false],
      ["/login", false],
      ["about:blank", false],
      ["null", false],
      [`blob:https://${host}/1`, false],
      [`capacitor://${host}/`, false],
    ] as const) {
      expect([referer, isTrusted(portOf({ ...hidden, referer }), nobody)]).toEqual([referer, trusted]);
    }
    // What the browser says itself comes before, and an origin that it names is not overruled.
    const referer = `https://${host}/login`;
    expect(isTrusted(portOf({ ...hidden, referer, "sec-fetch-site": "cross-site" }), nobody)).toBe(false);
    expect(isTrusted(portOf({ origin: "https://evil.example", host, referer }), nobody)).toBe(false);
    // Only its own: where a page of a trusted origin hides that origin, nobody vouches for it.
    const app = parseTrustedOrigins(["https://app.example.com"]);
    expect(isTrusted(portOf({ ...hidden, referer: "https://app.example.com/" }), app)).toBe(false);
  });

  it("finds the host of HTTP/2 too, and trusts no Origin without any host", () => {
    const origin = `https://${host}`;
    const overHttp2 = (authority: string) => {
      const request = { method: "POST", url: "/", headers: { origin, ":authority": authority } } as never;
      return [nodePort(request), new FastifyPort(request, {} as never)];
    };
    for (const port of overHttp2(host)) expect(isTrusted(port, nobody)).toBe(true);
    for (const port of overHttp2("other.example")) expect(isTrusted(port, nobody)).toBe(false);
    expect(isTrusted(portOf({ origin }), nobody)).toBe(false);
  });

  it("trusts whoever sends neither header, as no browser does", () => {
    expect(isTrusted(portOf({ host }), nobody)).toBe(true);
    expect(isTrusted(portOf({}), nobody)).toBe(true);
  });

  it("never trusts a foreign origin, and always a trusted one", () => {
    const trusted = parseTrustedOrigins(["https://app.example.com", "http://localhost:5173"]);
    fc.assert(
      fc.property(
        fc.webUrl().map((url) => new URL(url).origin),
        fc.constantFrom("cross-site", "same-site", undefined),
        (origin, site) => {
          const headers = { origin, host, ...(site === undefined ? {} : { "sec-fetch-site": site }) };
          expect(isTrusted(portOf(headers), trusted)).toBe(false);
        },
      ),
    );
    for (const origin of trusted) {
      for (const site of ["cross-site", "same-site", "same-origin"]) {
        expect(isTrusted(portOf({ origin, host, "sec-fetch-site": site }), trusted)).toBe(true);
      }
    }
  });

  it("trusts applications that are no websites, compared as text", () => {
    const origins = [
      "capacitor://localhost",
      "chrome-extension://abcdefghijklmnop",
      "tauri://localhost",
      "app://Name:1",
    ];
    const trusted = parseTrustedOrigins(origins);
    for (const origin of origins) {
      expect(isTrusted(portOf({ origin, host, "sec-fetch-site": "cross-site" }), trusted)).toBe(true);
      expect(isTrusted(portOf({ origin, host }), nobody)).toBe(false);
    }
    for (const origin of [
      "capacitor://LOCALHOST",
      "Capacitor://localhost",
      "capacitor://localhost:80",
      "capacitor://localhost/",
      "ionic://localhost",
      "app://name:1",
    ]) {
      expect([origin, isTrusted(portOf({ origin, host: "localhost" }), trusted)]).toEqual([origin, false]);
    }
  });

  it("takes capitals and a default port of a trusted website for what they are", () => {
    const trusted = parseTrustedOrigins([
      "HTTPS://App.Example.com:443",
      "http://EXAMPLE.com:80",
      "https://exämple.com",
    ]);
    for (const [origin, passes] of [
      ["https://app.example.com", true],
      ["https://App.example.com:443", true],
      ["http://example.com", true],
      ["https://xn--exmple-cua.com", true],
      ["http://app.example.com", false],
      ["https://app.example.com:80", false],
      ["https://example.com", false],
    ] as const) {
      expect([origin, isTrusted(portOf({ origin, host }), trusted)]).toEqual([origin, passes]);
    }
  });

  it("compares trusted origins as a whole", () => {
    const trusted = parseTrustedOrigins(["https://app.example.com"]);
    for (const origin of [
      "http://app.example.com",
      "https://app.example.com:444",
      "https://app.example.com.evil.example",
      "https://evil.app.example.com",
      "https://APP.example.com.",
      "https://app.example.com/",
    ]) {
      expect([origin, isTrusted(portOf({ origin, host }), trusted)]).toEqual([origin, false]);
    }
  });
});

describe("parseTrustedOrigins", () => {
  it("takes origins", () => {
    const origins = ["https://example.com", "http://localhost:3000", "https://[::1]:8443", "https://example.com:8443"];
    expect([...parseTrustedOrigins(origins)]).toEqual(origins);
  });

  it("writes websites as browsers do, and leaves all else as it is", () => {
    expect([
      ...parseTrustedOrigins(["HTTPS://Example.com:443", "http://[::0001]:80", "tauri://Localhost:443"]),
    ]).toEqual(["https://example.com", "http://[::1]", "tauri://Localhost:443"]);
  });

  it.each([
    "example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://example.com?",
    "https://example.com#",
    "https://example.com\\",
    "https://example.com:99999",
    "https://",
    "https://:443",
    "capacitor://localhost/",
    "capacitor://*",
    "capacitor:localhost",
    "capacitor://",
    "tauri://user@localhost",
    "file://",
    "file://localhost",
    "FILE://localhost",
    "wss://example.com",
    "://example.com",
    "app://a\u0000b",
    "https://user@example.com",
    "https://*.example.com",
    "*",
    "null",
    "",
    " https://example.com",
    "data:text/plain,x",
    undefined,
    null,
    42,
    {},
  ])("refuses %j, which no browser would ever send", (origin) => {
    expect(() => parseTrustedOrigins(["https://example.com", origin])).toThrow(TypeError);
    expect(() => parseTrustedOrigins([origin])).toThrow(/^csrf\.trustedOrigins must hold origins such as/);
  });
});

describe("a route that other sites may send requests to", () => {
  const { isAllowed, isExempt } = parseCsrfOption({ exempt: (port) => port.header("x-route") === "/saml" });
  const foreign = { host, origin: "https://idp.example", "sec-fetch-site": "cross-site" };

  it("is asked for with each request that may change something", () => {
    expect(isExempt(portOf({ ...foreign, "x-route": "/saml" }))).toBe(true);
    expect(isAllowed(portOf({ ...foreign, "x-route": "/saml" }))).toBe(true);
    expect(isExempt(portOf({ ...foreign, "x-route": "/claim" }))).toBe(false);
    expect(isAllowed(portOf({ ...foreign, "x-route": "/claim" }))).toBe(false);
    // Also where this site sent it: the route works in one way.
    expect(isExempt(portOf({ host, "sec-fetch-site": "same-origin", "x-route": "/saml" }))).toBe(true);
    expect(isExempt(portOf({ ...foreign, "x-route": "/saml" }, "GET"))).toBe(false);
  });

  it("is none where the defence is off, as then all of them are allowed with their cookies", () => {
    const off = parseCsrfOption(false);
    expect([off.isAllowed(portOf(foreign)), off.isExempt(portOf(foreign))]).toEqual([true, false]);
  });

  it.each([
    [async () => false, "an object"],
    [() => 1, "1"],
    [() => undefined, "undefined"],
    [() => "no", '"no"'],
  ])("needs a boolean from %s", (exempt, shown) => {
    const policy = parseCsrfOption({ exempt: exempt as never });
    expect(() => policy.isExempt(portOf({}))).toThrow(new TypeError(`csrf.exempt must return a boolean, got ${shown}`));
  });

  it.each([["/saml"], [["/saml"]], [true], [null]])("is refused as %j", (exempt) => {
    expect(() => parseCsrfOption({ exempt: exempt as never })).toThrow(/^csrf\.exempt must be a function, got /);
  });
});
