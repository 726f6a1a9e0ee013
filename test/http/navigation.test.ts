/** Where a request without a session is sent, and which address it may be sent back to. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRedirectTo, logInAddress, safeReturnTo } from "../../src/http/navigation.js";
import type { HttpPort } from "../../src/http/port.js";

const SITE = "https://shop.example.com";

describe("safeReturnTo", () => {
  it.each([
    ["/", "/"],
    ["/cart?page=2#top", "/cart?page=2#top"],
    ["/search?q=a%26b&next=https://evil.example", "/search?q=a%26b&next=https://evil.example"],
    ["/a/../b", "/b"],
    ["/café?q=ä b", "/caf%C3%A9?q=%C3%A4%20b"],
    ["/@evil.example", "/@evil.example"],
    ["/javascript:alert(1)", "/javascript:alert(1)"],
    ["/%2F%2Fevil.example", "/%2F%2Fevil.example"],
    ["/%09/evil.example", "/%09/evil.example"],
  ])("gives %j as %j", (value, expected) => {
    expect(safeReturnTo(value, "/home")).toBe(expected);
  });

  it.each([
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "/a\\b",
    "\\\\evil.example",
    "\\/evil.example",
    "https://evil.example/",
    "https:evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "cart",
    "",
    " /cart",
    "\t/cart",
    "/\t/evil.example",
    "/\n/evil.example",
    "/cart\r\nSet-Cookie: a=b",
    "/\u0000",
    "/\u007f",
    "/\u0085",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "/%2e//evil.example",
    "/%2e%2e//evil.example",
    "?q=1",
    "#top",
    undefined,
    null,
    7,
    {},
    ["/cart"],
    { toString: () => "/cart" },
    new String("/cart"),
  ])("refuses %j", (value) => {
    expect(safeReturnTo(value, "/home")).toBe("/home");
  });

  it("never leads away from the site, and never breaks a header", () => {
    const part = fc.constantFrom(
      ...[
        "/",
        "\\",
        ".",
        "..",
        "%2e",
        "%2f",
        "%5c",
        "%09",
        "\t",
        "\n",
        "\r",
        " ",
        "\u0000",
        "\u00a0",
        "\u2028",
        "\ufeff",
      ],
      ...["evil.example", "@", ":", "https:", "javascript:", "?", "#", "//", "a", "é", "\ud800"],
    );
    const value = fc.oneof(
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join("")),
      fc.webUrl(),
      fc.string(),
    );
    fc.assert(
      fc.property(value, (text) => {
        for (const given of [text, `/${text}`]) {
          const address = safeReturnTo(given, "/home");
          expect(new URL(address, SITE).origin).toBe(SITE);
          // Twice is no different from once: some applications put it into a form in between.
          expect(safeReturnTo(address, "/other")).toBe(address);
          expect(address).toMatch(/^\/(?!\/)[!-~]*$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("logInAddress", () => {
  const portOf = (url: string | undefined, method = "GET", writable?: () => boolean): HttpPort => ({
    method,
    header: (name) => (name === "sec-fetch-mode" ? "navigate" : undefined),
    appendHeader: () => expect.fail("it writes nothing"),
    ...(url === undefined ? {} : { url }),
    ...(writable === undefined ? {} : { writable }),
  });

  it.each([
    ["/login", "/cart", "/login?returnTo=%2Fcart"],
    ["/login?lang=de", "/cart?a=1&b=2", "/login?lang=de&returnTo=%2Fcart%3Fa%3D1%26b%3D2"],
    ["/login#form", "/cart", "/login?returnTo=%2Fcart#form"],
    ["https://id.example.com/login", "/cart", "https://id.example.com/login?returnTo=%2Fcart"],
    ["/вход", "/cart", "/%D0%B2%D1%85%D0%BE%D0%B4?returnTo=%2Fcart"],
    ["/log in?für=alle#hinüber", "/cart", "/log%20in?f%C3%BCr=alle&returnTo=%2Fcart#hin%C3%BCber"],
    ["https://exämple.com/ü", "/cart", "https://xn--exmple-cua.com/%C3%BC?returnTo=%2Fcart"],
    // A proxy's form of a request, and hosts that look like paths, are left out.
    ["/login", "http://evil.example/", "/login"],
    ["/login", "//evil.example/", "/login"],
    ["/login", "/\\evil.example/", "/login"],
    ["/login", undefined, "/login"],
    ["/login", `/${"x".repeat(2000)}`, "/login"],
  ])("sends to %s from %s", (redirectTo, url, expected) => {
    expect(logInAddress(redirectTo, portOf(url))).toBe(expected);
    expect(logInAddress(redirectTo, portOf(url, "HEAD"))).toBe(expected);
    expect(logInAddress(redirectTo, portOf(url, "POST"))).toBeNull();
    expect(
      logInAddress(
        redirectTo,
        portOf(url, "GET", () => false),
      ),
    ).toBeNull();
  });

  it("sends nobody from the log-in page to itself", () => {
    expect(logInAddress("/login", portOf("/login?returnTo=%2Fcart"))).toBeNull();
    expect(logInAddress("/login?a=1#b", portOf("/login"))).toBeNull();
    expect(logInAddress("/login", portOf("/login/help"))).not.toBeNull();
    expect(logInAddress("/вход", portOf(encodeURI("/вход")))).toBeNull();
  });

  it("nor if the page is named with the host of the request", () => {
    const port: HttpPort = {
      ...portOf("/login?a=b"),
      header: (name) => ({ "sec-fetch-mode": "navigate", host: "Shop.example.com:443" })[name],
    };
    expect(logInAddress("https://shop.example.com/login", port)).toBeNull();
    expect(logInAddress("https://id.example.com/login", port)).not.toBeNull();
    expect(logInAddress("https://shop.example.com/sign-in", port)).not.toBeNull();
  });
});

describe("checkRedirectTo", () => {
  it.each(["/login", "/", "/login?a=b#c", "https://id.example.com/login", "http://localhost:3000"])(
    "takes %s",
    (address) => {
      expect(() => checkRedirectTo(address)).not.toThrow();
    },
  );

  it.each([
    "",
    "login",
    "//id.example.com",
    "/\\id",
    "javascript:alert(1)",
    "https://a b/",
    "https:/x\n",
    "mailto:a@b.c",
  ])("refuses %j", (address) => {
    expect(() => checkRedirectTo(address)).toThrow(RangeError);
  });

  it.each([true, 7, null, new URL(SITE)])("refuses %j, which is no string", (address) => {
    expect(() => checkRedirectTo(address)).toThrow(TypeError);
  });
});
