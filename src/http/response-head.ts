/** The head of a response, which can be changed only until it is sent. Knows no session. */
import type { HttpPort } from "./port.js";

/** Headers by name. */
export type HeaderMap = Readonly<Record<string, string>>;

export const NO_STORE: HeaderMap = { "Cache-Control": "no-store" };
export const CLEAR_SITE_DATA: HeaderMap = { "Clear-Site-Data": '"cache", "cookies", "storage"' };

/** Whether the response still takes headers. */
export function isWritable(port: HttpPort): boolean {
  return port.writable === undefined || port.writable();
}

/** Throws `TypeError` if the response takes no headers any more, for a verb that needs them. */
export function checkWritable(port: HttpPort, verb: string): void {
  if (isWritable(port)) return;
  const reason = "its headers are sent, or this is an upgrade";
  throw new TypeError(`${verb}: the response can take no cookie any more (${reason}), so nothing was changed`);
}

/** Adds headers to the response, if it still takes them. */
export function addHeaders(port: HttpPort, headers: HeaderMap): void {
  if (!isWritable(port)) return;
  for (const name in headers) port.appendHeader(name, headers[name] as string);
}
