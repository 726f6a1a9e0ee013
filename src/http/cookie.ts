/** The session cookie: its name and attributes, and how it is read and written. Knows no session. */
import { parse, serialize } from "cookie";
import { checkBoolean, checkNames, checkOneOf, checkString, show } from "../leaves/arguments.js";
import { hostOf } from "./host.js";
import { placesOf } from "./left-overs.js";
import type { CookieAttributes, HttpPort } from "./port.js";

/** How the session cookie looks (RFC 6265bis). */
export interface CookieOptions {
  /**
   * Default: `__Host-session`, which only this host can set; `__Secure-session` if `domain` or `path` forbids that prefix;
   * `session` if `secure` is off (ASVS 5.0, 3.3.3).
   */
  readonly name?: string | undefined;
  /** Sent only over HTTPS (ASVS 5.0, 3.3.1). `false` is for local development only. Default: `true`. */
  readonly secure?: boolean | undefined;
  /** Whether other sites may cause it to be sent (ASVS 5.0, 3.3.2). Default: `"lax"`; `"none"` with `partitioned`. */
  readonly sameSite?: "lax" | "strict" | "none" | undefined;
  /** Shares it with subdomains. Default: this host alone. */
  readonly domain?: string | undefined;
  /** Default: `/`. */
  readonly path?: string | undefined;
  /** Keeps it when the browser closes, until the session's absolute deadline. Default: `true`. */
  readonly persistent?: boolean | undefined;
  /**
   * Gives this site a cookie of its own within each site that shows it in an iframe (CHIPS). Browsers that block third-party
   * cookies keep only such cookies there. Needs `secure`, and a new `name` if the site had a cookie before. Default: `false`.
   */
  readonly partitioned?: boolean | undefined;
}

/** Browsers keep 4096 bytes of name and value together (RFC 6265bis, 5.6; ASVS 5.0, 3.3.5), and a token has 70. */
const MAX_NAME = 4096 - 70;

/** The cookie as one application uses it. */
export class SessionCookie {
  readonly name: string;
  readonly #attributes: CookieAttributes;
  readonly #persistent: boolean;

  /** Throws `TypeError` and `RangeError` for options that no browser would accept together. */
  constructor(options: CookieOptions = {}) {
    checkNames("cookie", options, ["name", "secure", "sameSite", "domain", "path", "persistent", "partitioned"]);
    const { secure = true, domain, path = "/", persistent = true, partitioned = false } = options;
    checkBoolean("cookie.secure", secure);
    checkBoolean("cookie.persistent", persistent);
    checkBoolean("cookie.partitioned", partitioned);
    if (partitioned && !secure) throw new TypeError("cookie.partitioned needs cookie.secure");
    // In an iframe on another site no other cookie is sent.
    const { sameSite = partitioned ? "none" : "lax" } = options;
    checkOneOf("cookie.sameSite", sameSite, ["lax", "strict", "none"]);
    checkString("cookie.path", path);
    // Browsers ignore any other path, and take an empty domain for this host.
    if (!path.startsWith("/")) throw new RangeError(`cookie.path must begin with "/", got ${show(path)}`);
    if (domain !== undefined && checkString("cookie.domain", domain) === "") {
      throw new RangeError("cookie.domain must not be empty: leave it out for this host alone");
    }
    if (sameSite === "none" && !secure) throw new TypeError('cookie.sameSite "none" needs cookie.secure');
    const hostOnly = secure && domain === undefined && path === "/";
    const { name = hostOnly ? "__Host-session" : secure ? "__Secure-session" : "session" } = options;
    checkString("cookie.name", name, MAX_NAME);
    if (/^__host-/i.test(name) && !hostOnly) {
      throw new TypeError(
        `cookie.name ${JSON.stringify(name)} needs cookie.secure, no cookie.domain and cookie.path "/"`,
      );
    }
    if (/^__secure-/i.test(name) && !secure) {
      throw new TypeError(`cookie.name ${JSON.stringify(name)} needs cookie.secure`);
    }
    this.name = name;
    this.#persistent = persistent;
    // HttpOnly is no option: no script needs the token (ASVS 5.0, 3.3.4).
    this.#attributes = {
      ...{ httpOnly: true, secure, sameSite, path },
      ...(domain === undefined ? {} : { domain }),
      ...(partitioned ? { partitioned } : {}),
    };
    try {
      // The package `cookie` refuses names and attributes that would break the header. That should happen now, and not in a
      // request.
      this.clear();
    } catch (error) {
      throw new TypeError(`cookie does not fit into a header: ${(error as Error).message}`);
    }
  }

  /** The different values that a `Cookie` header has for this name. If there are several, some may be planted or left over. */
  read(header: string | null | undefined): string[] {
    const at = header?.indexOf(this.name) ?? -1;
    if (!header || at === -1) return [];
    const isOnly = !header.includes(this.name, at + this.name.length);
    if (isOnly) {
      // The usual case, in which nothing else is parsed.
      const end = header.indexOf(";", at);
      const value = parse(header.slice(header.lastIndexOf(";", at) + 1, end === -1 ? header.length : end))[this.name];
      return value ? [value] : [];
    }
    const pairs = header.split(";").filter((pair) => pair.includes(this.name));
    const values = pairs.map((pair) => parse(pair)[this.name]).filter((value) => !!value);
    return [...new Set(values)] as string[];
  }

  /**
   * Hands out a token, for a session that ends `lifetime` ms from now at the latest. `persistent`: whether the browser keeps
   * it when it closes, if the log-in said so.
   */
  send(port: HttpPort, token: string, lifetime: number, persistent?: boolean): void {
    if (port.setCookie === undefined) port.appendHeader("Set-Cookie", this.write(token, lifetime, persistent));
    else port.setCookie(this.name, token, this.#lasting(lifetime, persistent));
  }

  /** Takes the token back. */
  takeBack(port: HttpPort): void {
    if (port.setCookie === undefined) port.appendHeader("Set-Cookie", this.clear());
    else port.setCookie(this.name, "", { ...this.#attributes, maxAge: 0 });
  }

  /** Takes back all cookies of this name that the browser may have sent with this request, wherever they come from. */
  takeBackEverywhere(port: HttpPort): void {
    const own = { ...this.#attributes, maxAge: 0 };
    // A cookie with this name can be in one place only (RFC 6265bis, 4.1.3.2).
    const places = /^__host-/i.test(this.name) ? placesOf(own, "", "") : placesOf(own, hostOf(port), port.url ?? "");
    for (const place of places) {
      if (port.setCookie === undefined) port.appendHeader("Set-Cookie", serialize(this.name, "", place));
      else port.setCookie(this.name, "", place);
    }
  }

  /** The `Set-Cookie` that hands out a token. */
  write(token: string, lifetime: number, persistent?: boolean): string {
    return serialize(this.name, token, this.#lasting(lifetime, persistent));
  }

  /** The `Set-Cookie` that takes it back. */
  clear(): string {
    return serialize(this.name, "", { ...this.#attributes, maxAge: 0 });
  }

  #lasting(lifetime: number, persistent = this.#persistent): CookieAttributes {
    return persistent ? { ...this.#attributes, maxAge: Math.ceil(lifetime / 1000) } : this.#attributes;
  }
}
