/** The replies of scripts if the claims of a session would be too large or too many: see `patched` in record.lua. */
import { countOf } from "../../redis/replies.js";

/** Nothing was written. */
export type Excess =
  | { readonly status: "size"; readonly bytes: number }
  | { readonly status: "many"; readonly claims: number };

/** Decodes such a reply; `undefined` if it is another reply. */
export function excessIn([status, count, ...rest]: readonly string[]): Excess | undefined {
  if (count === undefined || rest.length > 0) return undefined;
  if (status === "size") return { status, bytes: countOf(count) };
  return status === "many" ? { status, claims: countOf(count) } : undefined;
}
