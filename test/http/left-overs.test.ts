/** Where a cookie may come from, and what is taken back of it. */
import { parseSetCookie } from "cookie";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CookieOptions, SessionCookie } from "../../src/http/cookie.js";

/** Name, domain and path of every cookie that is taken back. */
function takenBack(options: CookieOptions, host: string, url?: string): string[] {
  const lines: string[] = [];
  new SessionCookie(options).takeBackEverywhere({
    method: "GET",
    ...(url === undefined ? {} : { url }),
    header: (name) => (name === "host" ? host : null),
    appendHeader: (name, value) => lines.push(`${name}: ${value}`),
  });
  for (const line of lines) expect(line).toMatch(/^Set-Cookie: .*; Max-Age=0; .*HttpOnly/);
  return lines.map((line) => {
    const { domain = "-", path, partitioned } = parseSetCookie(line.slice("Set-Cookie: ".length));
    return `${domain} ${path}${partitioned ? " partitioned" : ""}`;
  });
}

const plain = { name: "sid", secure: false } as const;

describe("taking a cookie back from everywhere", () => {
  it("names this host and each domain above it, and the path with its beginnings, its own place last", () => {
    expect(
      takenBack({ ...plain, domain: "example.com", path: "/app" }, "a.Shop.example.com:8080", "/shop/cart?x=/y#z"),
    ).toEqual([
      ...["- /", "- /app", "- /shop", "- /shop/cart"],
      ...[
        "a.shop.example.com /",
        "a.shop.example.com /app",
        "a.shop.example.com /shop",
        "a.shop.example.com /shop/cart",
      ],
      ...["shop.example.com /", "shop.example.com /app", "shop.example.com /shop", "shop.example.com /shop/cart"],
      ...["example.com /", "example.com /shop", "example.com /shop/cart", "example.com /app"],
    ]);
  });

  it.each([
    ["localhost:3000", "/login", ["- /login", "- /"]],
    ["127.0.0.1:3000", "/", ["- /"]],
    ["[::1]:3000", "/", ["- /"]],
    ["", "/", ["- /"]],
    ["evil\r\nhost.com", "/a\r\nSet-Cookie: x", ["- /a", "- /"]],
    ["a.b; Path=/x", "//evil", ["- //evil", "- /"]],
    ["example.com", undefined, ["example.com /", "- /"]],
    ["example.com", "http://example.com/absolute", ["example.com /", "- /"]],
  ])("at the host %j and the address %j is %j", (host, url, expected) => {
    expect(takenBack(plain, host, url)).toEqual(expected);
  });

  it("takes whatever host and address there may be", () => {
    const junk = fc.string({ unit: "binary", maxLength: 40 });
    const hosts = fc.oneof(
      junk,
      fc.domain(),
      fc.constantFrom("-a.com", "a_b.com", `${"x".repeat(64)}.com`, "a..b", "."),
    );
    const paths = fc.oneof(junk, fc.webPath(), fc.constantFrom("/a<b", "/\u00e4", "/\0", "/%0d%0a", "/a;b", "/a,b"));
    fc.assert(
      fc.property(hosts, paths, (host, path) => {
        expect(takenBack({ ...plain, path: "/app" }, host, `/${path}`).at(-1)).toBe("- /app");
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps to a bounded number of headers", () => {
    const host = `${"a.".repeat(60)}example.com`;
    expect(takenBack(plain, host, `/${"p/".repeat(500)}`).length).toBeLessThanOrEqual(1 + 5 * 4);
    expect(takenBack(plain, host, "/x/y/z")).toContain("example.com /x");
  });

  it("knows the only place that a __Host- cookie has, with a partition or without", () => {
    expect(takenBack({}, "shop.example.com", "/cart")).toEqual(["- / partitioned", "- /"]);
    expect(takenBack({ partitioned: true }, "shop.example.com", "/cart")).toEqual(["- /", "- / partitioned"]);
  });

  it("counts a domain with a dot before it as the same", () => {
    expect(takenBack({ ...plain, domain: ".Example.com" }, "example.com", "/")).toEqual(["- /", ".Example.com /"]);
  });
});
