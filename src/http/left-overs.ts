/**
 * Where a browser may keep a cookie that it sends to an address. Two cookies of one name differ in domain or path, neither
 * of which a browser tells, so whoever wants to take back "the cookie" has to name each place.
 */
import type { CookieAttributes } from "./port.js";

/** So many parent domains and paths are named at most: each costs a header, and proxies bound what they take of them. */
const MOST_PLACES = 4;

/**
 * The attributes of a cookie at every place that `host` and `url` allow: this host alone and each domain that it is part
 * of, with the path `/`, the first part of the path, and the whole. The cookie's own place comes last.
 */
export function placesOf(own: CookieAttributes, host: string, url: string): CookieAttributes[] {
  const { domain: ownDomain, path: ownPath, ...rest } = own;
  const domains = [undefined, ...domainsOf(host)];
  const places = domains.flatMap((domain) =>
    pathsOf(url, ownPath).map((path) => ({ ...rest, path, ...(domain === undefined ? {} : { domain }) })),
  );
  // A browser keeps the two apart (CHIPS).
  if (own.secure) places.push({ ...own, partitioned: !own.partitioned });
  const isOwn = (place: CookieAttributes) =>
    place.path === ownPath &&
    place.domain === ownDomain?.replace(/^\./, "").toLowerCase() &&
    place.partitioned === own.partitioned;
  return [...places.filter((place) => !isOwn(place)), own];
}

/** What may stand between two dots of a host's name. Others, such as one with an underscore, are no domain of a cookie. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a cookie's path may hold. */
const PATH = /^[!-:=-~]{1,100}$/;

/** The domains that a host may set cookies for, itself first. Browsers refuse those that are everybody's, such as `co.uk`. */
function domainsOf(host: string): string[] {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  const labels = name.split(".");
  if (labels.length < 2 || !labels.every((label) => LABEL.test(label)) || /^\d+$/.test(labels.at(-1) ?? "")) return [];
  return labels
    .slice(0, -1)
    .map((_, n) => labels.slice(n).join("."))
    .slice(-MOST_PLACES);
}

function pathsOf(url: string, ownPath: string): string[] {
  const path = /^\/[^?#;\s]*/.exec(url)?.[0] ?? "/";
  const first = /^\/[^/]*/.exec(path)?.[0] ?? "/";
  return [...new Set(["/", ownPath, first, path])].filter((each) => each === ownPath || PATH.test(each));
}
