/** Which host a request is for, and whether an address is of that host. Knows no session. */
import type { HttpPort } from "./port.js";

/** The host of a request with its port, as the client named it; empty if it named none. */
export function hostOf(port: HttpPort): string {
  return port.header("host") ?? "";
}

/**
 * Whether an address has this host, in the form of a `Host` header. The schemes are not compared: behind a proxy that ends
 * TLS, this server does not know its own, and the proxy may name the default port of either.
 */
export function isOf(host: string, address: string): boolean {
  if (!/^[^\s/\\?#@]+$/.test(host) || !/^https?:\/\//i.test(address) || !URL.canParse(address)) return false;
  const { protocol, hostname, port } = new URL(address);
  // Read with the scheme of the other, it loses the same default port and the same capitals.
  if (!URL.canParse(`${protocol}//${host}`)) return false;
  const own = new URL(`${protocol}//${host}`);
  if (own.hostname !== hostname) return false;
  return own.port === port || (port === "" && (own.port === "80" || own.port === "443"));
}
