/**
 * Whether a browser sent a request on behalf of another site (cross-site request forgery). Knows no session.
 *
 * Browsers say so themselves: `Sec-Fetch-Site` in all current ones, and `Origin` with every cross-origin request that
 * can change something. Neither header means that no browser sent the request (ASVS 5.0, 3.5.1).
 */
import type { HttpPort } from "./port.js";

/** Which other origins may send requests that change something. */
export interface CsrfOptions {
  /** Origins such as `https://app.example.com`. Default: none. */
  readonly trustedOrigins?: readonly string[] | undefined;
}

/** RFC 9110, 9.2.1. */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Whether a method promises to change nothing. */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method.toUpperCase());
}

/** Whether the request comes from this origin, from a trusted one, or from no browser at all. */
export function isTrusted(port: HttpPort, trustedOrigins: ReadonlySet<string>): boolean {
  const origin = port.header("origin");
  if (origin !== undefined && trustedOrigins.has(origin)) return true;
  const site = port.header("sec-fetch-site");
  // "none" is the user's own doing: an address typed in, a bookmark.
  if (site !== undefined) return site === "same-origin" || site === "none";
  if (origin === undefined) return true;
  const host = port.header("host") ?? port.header(":authority");
  if (!host) return false;
  // Only the hosts are compared: behind a proxy that ends TLS, this server does not know its own scheme.
  return URL.canParse(origin) && new URL(origin).host === host;
}

/** Reads the option. Throws `TypeError` for anything that is no origin. */
export function parseTrustedOrigins(origins: readonly unknown[]): ReadonlySet<string> {
  for (const origin of origins) {
    // A star is a host name to the parser, and a mistake to everybody else.
    if (typeof origin !== "string" || !URL.canParse(origin) || new URL(origin).origin !== origin || /\*/.test(origin)) {
      throw new TypeError(`csrf.trustedOrigins must hold origins such as "https://example.com", got ${String(origin)}`);
    }
  }
  return new Set(origins as readonly string[]);
}
