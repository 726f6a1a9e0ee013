/** Sending people to a log-in page, and back to where they wanted to go. Knows no session. */
import { checkString, show } from "../leaves/arguments.js";
import { hostOf, isOf } from "./host.js";
import type { HttpPort } from "./port.js";
import { isWritable } from "./response-head.js";

/** Longer addresses are left out, because servers and proxies limit the headers of a response. */
const MAX_RETURN = 2000;

/** Any host will do: it only shows whether an address leads to another host. */
const HERE = "http://here.invalid";

/** Throws `TypeError` and `RangeError` unless it is a path of this site, or an address with `http` or `https`. */
export function checkRedirectTo(redirectTo: unknown): void {
  const address = checkString("redirectTo", redirectTo);
  const elsewhere = /^https?:\/\//i.test(address) && URL.canParse(address) && !/[\s\p{Cc}]/u.test(address);
  if (!elsewhere && safeReturnTo(address, "") === "") {
    throw new RangeError(`redirectTo must be a path such as "/login", or a URL, got ${show(redirectTo)}`);
  }
}

/**
 * The address for a request that needs a log-in: the log-in page, with the requested address in `returnTo`. `null` unless a
 * browser opens a page, and for a request to the log-in page itself, which would be redirected for ever.
 */
export function logInAddress(redirectTo: string, port: HttpPort): string | null {
  if (!isNavigation(port) || !isWritable(port)) return null;
  const url = port.url ?? "";
  // Frameworks put it into the header as it is, and a header takes no other characters than those of a URL.
  const page = new URL(redirectTo, HERE);
  const isHere = page.origin === HERE;
  if (pathOf(url) === page.pathname && (isHere || isOf(hostOf(port), page.href))) return null;
  const back = url.length > MAX_RETURN ? "" : safeReturnTo(url, "");
  const returnTo = back === "" ? "" : `${page.search === "" ? "?" : "&"}returnTo=${encodeURIComponent(back)}`;
  return `${isHere ? "" : page.origin}${page.pathname}${page.search}${returnTo}${page.hash}`;
}

const pathOf = (address: string) => address.split(/[?#]/, 1)[0];

function isNavigation(port: HttpPort): boolean {
  if (port.method !== "GET" && port.method !== "HEAD") return false;
  return port.header("sec-fetch-mode") === "navigate" || /\btext\/html\b/i.test(port.header("accept") ?? "");
}

/**
 * The address in `returnTo` if it is a path of this site, otherwise `fallback`. Anybody can make a link, so check the address
 * where you use it, right before the redirection (ASVS 5.0, 3.7.2). It refuses a scheme, a host (`//`, `/\`), a control
 * character, and a value that is not a string. The path comes back as a browser would send it, percent-encoded.
 * @example res.redirect(303, safeReturnTo(req.body.returnTo, "/"));
 */
export function safeReturnTo(value: unknown, fallback: string): string {
  // Browsers read a backslash as a slash, and ignore tabs and newlines.
  if (typeof value !== "string" || !/^\/(?!\/)[^\\\p{Cc}]*$/u.test(value) || !URL.canParse(value, HERE))
    return fallback;
  const { origin, pathname, search, hash } = new URL(value, HERE);
  // "/.//host" comes out as "//host".
  return origin === HERE && !pathname.startsWith("//") ? `${pathname}${search}${hash}` : fallback;
}
