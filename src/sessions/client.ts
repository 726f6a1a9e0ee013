/**
 * What is remembered of a client, for a list of devices. It comes from headers, where anybody can send anything: a value that
 * does not fit is cut or left out, and never makes a log-in fail.
 */
import { checkString } from "../leaves/arguments.js";

const MAX_IP = 64;
const MAX_USER_AGENT = 512;

/**
 * An address: the first one of a list such as `X-Forwarded-For`, which is the client's own. `undefined` if there is none, or if
 * it is too long for an address. Throws `TypeError` unless it is a string or an array of strings.
 */
export function clientAddress(ip: unknown): string | undefined {
  const [first = ""] = plainText("client.ip", ip).split(",");
  const address = first.trim();
  return address === "" || address.length > MAX_IP ? undefined : address;
}

/** A user agent, cut after 512 characters. `undefined` for none. Throws as `clientAddress` does. */
export function clientAgent(userAgent: unknown): string | undefined {
  return plainText("client.userAgent", userAgent).slice(0, MAX_USER_AGENT) || undefined;
}

/** The text of a header that may be absent, or may have come several times, on one line. */
function plainText(name: string, value: unknown): string {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return checkString(name, first ?? "")
    .replace(/\p{Cc}+/gu, " ")
    .trim();
}
