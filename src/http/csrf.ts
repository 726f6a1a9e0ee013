/**
 * Whether a browser sent a request on behalf of another site (cross-site request forgery). Knows no session.
 *
 * Browsers say so themselves: `Sec-Fetch-Site` in all current ones, and `Origin` with every cross-origin request that can
 * change something; Chromium opens WebSockets with `Origin` alone. If a request has neither header, no browser sent it (ASVS
 * 5.0, 3.5.1).
 */
import { checkNames, show } from "../leaves/arguments.js";
import { hostOf, isOf } from "./host.js";
import type { HttpPort } from "./port.js";

/** Which other origins may send requests that change something. */
export interface CsrfOptions {
  /**
   * Origins such as `https://app.example.com`, `http://localhost:5173` or `capacitor://localhost`. For `http` and `https`,
   * capitals and a default port do not matter; origins with other schemes are compared as they are written. Throws `TypeError`
   * for values that no browser sends: with a path or a star, `"null"`, `file://`. Default: none.
   */
  readonly trustedOrigins?: readonly string[] | undefined;
  /**
   * Names the requests that another site must be able to send, such as the form in which an identity provider posts its answer.
   * If it returns `true`, the request is loaded without its cookie, so it can do nothing in the name of the user of the
   * browser; `start` works, and sets a cookie. Such a route must check itself who sent the request (a signature, a `state`).
   * The function is called for requests that may change something, and must return a boolean, not a promise. Default: none.
   */
  readonly exempt?: ((port: HttpPort) => boolean) | undefined;
}

/** How one application judges the origins of its requests. */
export interface CsrfPolicy {
  /** Whether the request may do what it does: it changes nothing, or no browser sent it on behalf of another site. */
  isAllowed(port: HttpPort): boolean;
  /** Whether other sites may send the request, which then counts as one without a cookie. */
  isExempt(port: HttpPort): boolean;
}

/** RFC 9110, 9.2.1. */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Schemes that are never in an `Origin`: browsers send `null` for a file, and the page's own origin for a WebSocket. */
const NO_ORIGIN = new Set(["file", "ws", "wss", "ftp"]);

/** A scheme and an authority without a user, and nothing else. */
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^\s\p{Cc}/\\?#@*]+)$/iu;

/** Reads the option. Throws `TypeError` for a value that cannot be right. */
export function parseCsrfOption(csrf: CsrfOptions | false): CsrfPolicy {
  if (csrf === false) return { isAllowed: () => true, isExempt: () => false };
  checkNames("csrf", csrf, ["trustedOrigins", "exempt"]);
  const { trustedOrigins = [], exempt } = csrf;
  if (!Array.isArray(trustedOrigins)) throw new TypeError("csrf.trustedOrigins must be an array of origins");
  if (exempt !== undefined && typeof exempt !== "function") {
    throw new TypeError(`csrf.exempt must be a function, got ${show(exempt)}`);
  }
  const trusted = parseTrustedOrigins(trustedOrigins);
  const isExempt = (port: HttpPort): boolean => {
    if (exempt === undefined || changesNothing(port)) return false;
    const answer: unknown = exempt(port);
    // A promise is truthy: an asynchronous function would exempt every route.
    if (typeof answer !== "boolean") throw new TypeError(`csrf.exempt must return a boolean, got ${show(answer)}`);
    return answer;
  };
  return { isExempt, isAllowed: (port) => changesNothing(port) || isTrusted(port, trusted) || isExempt(port) };
}

/** Whether a method promises to change nothing. */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method.toUpperCase());
}

/**
 * Whether a request promises to change nothing. A request that opens a WebSocket is a GET, but does not promise that: a browser
 * does not ask the server before a page may read and send there (RFC 6455, 10.2).
 */
function changesNothing(port: HttpPort): boolean {
  return isSafe(port.method) && !isUpgradeToWebSocket(port.header("upgrade"));
}

function isUpgradeToWebSocket(upgrade: string | null | undefined): boolean {
  // A list of protocols, in any case (RFC 9110, 7.8).
  return !!upgrade && /(^|[\s,])websocket\s*($|[,/])/i.test(upgrade);
}

/** Whether the request comes from this origin, from a trusted one, or from no browser at all. */
export function isTrusted(port: HttpPort, trustedOrigins: ReadonlySet<string>): boolean {
  const origin = port.header("origin") ?? undefined;
  if (origin !== undefined && trustedOrigins.size > 0 && trustedOrigins.has(normalOrigin(origin) ?? "")) return true;
  const site = port.header("sec-fetch-site") ?? undefined;
  // "none": the user has typed the address, or used a bookmark.
  if (site !== undefined) return site === "same-origin" || site === "none";
  if (origin === undefined) return true;
  // A page may hide its origin from its own server too. With a `Referrer-Policy` of `no-referrer` there is nothing to judge by,
  // and the request may be any site's. A sandboxed page, which must not be trusted, never sends a referrer.
  return isOf(hostOf(port), origin === "null" ? (port.header("referer") ?? "") : origin);
}

/** An origin in the form in which it is compared; `null` for what is none. */
function normalOrigin(text: string): string | null {
  const [, scheme = "", authority = ""] = ORIGIN.exec(text) ?? [];
  if (authority === "" || NO_ORIGIN.has(scheme.toLowerCase())) return null;
  if (!/^https?$/i.test(scheme)) return text;
  return URL.canParse(text) ? new URL(text).origin : null;
}

/** Reads the origins of the option. Throws `TypeError` for anything that is no origin. */
export function parseTrustedOrigins(origins: readonly unknown[]): ReadonlySet<string> {
  return new Set(
    origins.map((origin) => {
      const normal = typeof origin === "string" ? normalOrigin(origin) : null;
      if (normal !== null) return normal;
      const expected = 'origins such as "https://example.com"';
      throw new TypeError(`csrf.trustedOrigins must hold ${expected}, got ${String(origin)}`);
    }),
  );
}
