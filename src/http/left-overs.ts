/**
 * The places from which a browser may send a cookie to an address. Two cookies with one name differ in domain or path, and a
 * browser tells neither. So a server that takes back "the cookie" must name each place.
 */
import type { CookieAttributes } from "./port.js";

/** How many domains are named at most: each place costs a header, and proxies limit these. */
const MOST_DOMAINS = 4;

/**
 * The attributes of a cookie at every place that `host` and `url` allow: only this host, and each domain above it; each with
 * the path `/`, the first part of the path, and the whole path. The cookie's own place comes last.
 */
export function placesOf(own: CookieAttributes, host: string, url: string): CookieAttributes[] {
  const { domain: ownDomain, path: ownPath, ...rest } = own;
  const domains = [undefined, ...domainsOf(host)];
  const places = domains.flatMap((domain) =>
    pathsOf(url, ownPath).map((path) => ({ ...rest, path, ...(domain === undefined ? {} : { domain }) })),
  );
  // A browser keeps partitioned cookies and others apart (CHIPS).
  if (own.secure) places.push({ ...own, partitioned: !own.partitioned });
  const isOwn = (place: CookieAttributes) =>
    place.path === ownPath &&
    place.domain === ownDomain?.replace(/^\./, "").toLowerCase() &&
    place.partitioned === own.partitioned;
  return [...places.filter((place) => !isOwn(place)), own];
}

/** A label of a host name. A name with another label, for example with an underscore, cannot be the domain of a cookie. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a cookie's path may hold. */
const PATH = /^[!-:=-~]{1,100}$/;

/** The domains for which a host may set cookies, the host itself first. Browsers refuse public suffixes, such as `co.uk`. */
function domainsOf(host: string): string[] {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const labels = name.split(".");
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label)) || /^\d+$/.test(labels.at(-1) ?? "")) return [];
  return labels
    .slice(0, -1)
    .map((_, n) => labels.slice(n).join("."))
    .slice(-MOST_DOMAINS);
}

function pathsOf(url: string, ownPath: string): string[] {
  const path = /^\/[^?#;\s]*/.exec(url)?.[0] ?? "/";
  const first = /^\/[^/]*/.exec(path)?.[0] ?? "/";
  return [...new Set(["/", ownPath, first, path])].filter((each) => each === ownPath || PATH.test(each));
}
