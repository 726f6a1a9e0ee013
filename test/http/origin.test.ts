/** The judgement of origins by itself. The whole table, over a socket, is in contract/csrf.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSafe, isTrusted, parseTrustedOrigins } from "../../src/http/csrf.js";
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
      fc.property(fc.string(), (site) => {
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
    ] as const) {
      expect([origin, own, isTrusted(portOf({ origin, host: own }), nobody)]).toEqual([origin, own, trusted]);
    }
  });

  it("finds the host of HTTP/2 too, and trusts no Origin without any host", () => {
    const origin = `https://${host}`;
    expect(isTrusted(portOf({ origin, ":authority": host }), nobody)).toBe(true);
    expect(isTrusted(portOf({ origin, ":authority": "other.example" }), nobody)).toBe(false);
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

  it.each([
    "example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://example.com:443",
    "https://EXAMPLE.com",
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
