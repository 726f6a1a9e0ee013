/** The session cookie by itself: what it is called, what it refuses, and what it reads out of any header. */
import { parseSetCookie } from "cookie";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CookieOptions, SessionCookie } from "../../src/http/cookie.js";

const TOKEN = `01J0ABCDEFGHJKMNPQRSTVWXYZ.${"A".repeat(43)}`;

describe("the name", () => {
  it.each<[CookieOptions, string]>([
    [{}, "__Host-session"],
    [{ path: "/" }, "__Host-session"],
    [{ sameSite: "none" }, "__Host-session"],
    [{ domain: "example.com" }, "__Secure-session"],
    [{ path: "/app" }, "__Secure-session"],
    [{ secure: false }, "session"],
    [{ secure: false, domain: "example.com" }, "session"],
    [{ name: "sid" }, "sid"],
    [{ name: "__Host-sid" }, "__Host-sid"],
    [{ name: "__Secure-sid", path: "/app" }, "__Secure-sid"],
  ])("for %j is %s", (options, name) => {
    const cookie = new SessionCookie(options);
    expect(cookie.name).toBe(name);
    expect(cookie.write(TOKEN, 1000).startsWith(`${name}=${TOKEN}; `)).toBe(true);
    expect(cookie.clear().startsWith(`${name}=; Max-Age=0; `)).toBe(true);
  });

  it("keeps the promise of its prefix, whatever the options (RFC 6265bis, 4.1.3)", () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            name: fc.constantFrom("__Host-a", "__host-a", "__HOST-a", "__Secure-a", "__SECURE-a", "a"),
            secure: fc.boolean(),
            sameSite: fc.constantFrom("lax", "strict", "none"),
            domain: fc.constantFrom("example.com", ".example.com"),
            path: fc.constantFrom("/", "/app", "/app/"),
            persistent: fc.boolean(),
            partitioned: fc.boolean(),
          },
          { requiredKeys: [] },
        ),
        (options) => {
          let cookie: SessionCookie;
          try {
            cookie = new SessionCookie(options as CookieOptions);
          } catch (error) {
            expect(error).toBeInstanceOf(TypeError);
            return;
          }
          for (const line of [cookie.write(TOKEN, 90_000), cookie.clear()]) {
            const { name, secure, domain, path, httpOnly, sameSite, partitioned } = parseSetCookie(line);
            expect(httpOnly).toBe(true);
            if (/^__(host|secure)-/i.test(name)) expect(secure).toBe(true);
            if (/^__host-/i.test(name)) expect({ domain, path }).toEqual({ domain: undefined, path: "/" });
            // Browsers drop a cookie for all sites that is not secure.
            if (sameSite === "none" || partitioned) expect(secure).toBe(true);
          }
        },
      ),
    );
  });
});

describe("wrong options", () => {
  it.each<[unknown, Error]>([
    [
      { nam: "x" },
      new TypeError(
        'cookie: there is no option "nam"; did you mean "name"? The options are name, secure, sameSite, domain, path, persistent, partitioned',
      ),
    ],
    [
      { httpOnly: false },
      new TypeError(
        'cookie: there is no option "httpOnly"; the options are name, secure, sameSite, domain, path, persistent, partitioned',
      ),
    ],
    [{ secure: "yes" }, new TypeError('cookie.secure must be a boolean, got "yes"')],
    [{ persistent: 1 }, new TypeError("cookie.persistent must be a boolean, got 1")],
    [{ sameSite: true }, new TypeError("cookie.sameSite must be a string, got true")],
    [{ sameSite: "Lax" }, new RangeError('cookie.sameSite must be one of "lax", "strict", "none", got "Lax"')],
    [{ sameSite: "none", secure: false }, new TypeError('cookie.sameSite "none" needs cookie.secure')],
    [{ partitioned: 1 }, new TypeError("cookie.partitioned must be a boolean, got 1")],
    [{ partitioned: true, secure: false }, new TypeError("cookie.partitioned needs cookie.secure")],
    [{ path: 1 }, new TypeError("cookie.path must be a string, got 1")],
    [{ path: "app" }, new RangeError('cookie.path must begin with "/", got "app"')],
    [{ path: "" }, new RangeError('cookie.path must begin with "/", got ""')],
    [{ path: "/a;b" }, new TypeError("cookie does not fit into a header: option path is invalid: /a;b")],
    [{ domain: 1 }, new TypeError("cookie.domain must be a string, got 1")],
    [{ domain: "" }, new RangeError("cookie.domain must not be empty: leave it out for this host alone")],
    [{ domain: "ex ample" }, new TypeError("cookie does not fit into a header: option domain is invalid: ex ample")],
    [
      { domain: "a.com\r\nX: y" },
      new TypeError("cookie does not fit into a header: option domain is invalid: a.com\r\nX: y"),
    ],
    [{ name: 1 }, new TypeError("cookie.name must be a string, got 1")],
    [{ name: "" }, new TypeError("cookie does not fit into a header: argument name is invalid: ")],
    [{ name: "x".repeat(4027) }, new RangeError("cookie.name must have at most 4026 characters, got 4027")],
    [{ name: "a b" }, new TypeError("cookie does not fit into a header: argument name is invalid: a b")],
    [{ name: "a=b" }, new TypeError("cookie does not fit into a header: argument name is invalid: a=b")],
    [
      { name: "__Host-a", domain: "a.com" },
      new TypeError('cookie.name "__Host-a" needs cookie.secure, no cookie.domain and cookie.path "/"'),
    ],
    [
      { name: "__host-a", path: "/a" },
      new TypeError('cookie.name "__host-a" needs cookie.secure, no cookie.domain and cookie.path "/"'),
    ],
    [
      { name: "__Host-a", secure: false },
      new TypeError('cookie.name "__Host-a" needs cookie.secure, no cookie.domain and cookie.path "/"'),
    ],
    [{ name: "__Secure-a", secure: false }, new TypeError('cookie.name "__Secure-a" needs cookie.secure')],
  ])("%j are refused", (options, error) => {
    expect(() => new SessionCookie(options as CookieOptions)).toThrow(error);
    expect(() => new SessionCookie(options as CookieOptions)).toThrow(error.constructor as never);
  });

  it.each([null, true, "session", []])("%j are no options at all", (options) => {
    expect(() => new SessionCookie(options as never)).toThrow(TypeError);
  });
});

describe("read", () => {
  const cookie = new SessionCookie();

  it("gives nothing for no header, and for one without the name", () => {
    expect(cookie.read(undefined)).toEqual([]);
    expect(cookie.read("")).toEqual([]);
    expect(cookie.read("a=1; b=__Host-session")).toEqual([]);
    expect(cookie.read("__Host-session")).toEqual([]);
    expect(cookie.read("__Host-session=")).toEqual([]);
  });

  it("gives each different value once", () => {
    expect(cookie.read("__Host-session=a; x=y; __Host-session=b; __Host-session=a")).toEqual(["a", "b"]);
  });

  it("finds what it wrote among any other cookies", () => {
    const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);
    const value = fc.stringMatching(/^[ !#-:<-~"]{0,30}$/);
    const other = fc.tuple(name, value).filter(([each]) => each !== cookie.name);
    fc.assert(
      fc.property(fc.array(other, { maxLength: 8 }), fc.nat(8), (others, at) => {
        const pairs = others.map(([each, text]) => `${each}=${text}`);
        const [written = ""] = cookie.write(TOKEN, 1000).split(";");
        pairs.splice(at, 0, written);
        expect(cookie.read(pairs.join("; "))).toEqual([TOKEN]);
      }),
    );
  });

  it("never throws, and gives back nothing that is not in the header", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.boolean(), (text, named) => {
        const header = named ? `__Host-session=${text}` : text;
        for (const value of cookie.read(header)) {
          expect(value).not.toBe("");
          // An escape is the only thing that may look different.
          if (!header.includes("%")) expect(header).toContain(value);
        }
      }),
    );
  });

  it("takes a name of JavaScript's for a name like any other", () => {
    for (const name of ["__proto__", "constructor", "toString"]) {
      const odd = new SessionCookie({ name, secure: false });
      expect(odd.read("a=1")).toEqual([]);
      expect(odd.read(`${name}=x`)).toEqual(["x"]);
    }
  });
});

describe("Max-Age", () => {
  it("is the rest of the session in whole seconds, and never less than that", () => {
    const cookie = new SessionCookie();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 * 365 * 24 * 60 * 60 * 1000 }), (ms) => {
        const { maxAge = 0 } = parseSetCookie(cookie.write(TOKEN, ms));
        expect(maxAge * 1000).toBeGreaterThanOrEqual(ms);
        expect((maxAge - 1) * 1000).toBeLessThan(ms);
      }),
    );
  });

  it("is absent from a cookie that ends with the browser, and 0 where it is taken back all the same", () => {
    const cookie = new SessionCookie({ persistent: false });
    expect(parseSetCookie(cookie.write(TOKEN, 1000)).maxAge).toBeUndefined();
    expect(parseSetCookie(cookie.clear()).maxAge).toBe(0);
  });
});
