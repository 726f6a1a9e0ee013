/** How scripts say that the claims of a session would be more than it may hold: see `patched` in record.lua. */
import { countOf } from "../../redis/replies.js";

/** Nothing was written. */
export type Excess =
  | { readonly status: "size"; readonly bytes: number }
  | { readonly status: "many"; readonly claims: number };

/** What a script says of claims that are too much; `undefined` if it says something else. */
export function excessIn([status, count, ...rest]: readonly string[]): Excess | undefined {
  if (count === undefined || rest.length > 0) return undefined;
  if (status === "size") return { status, bytes: countOf(count) };
  return status === "many" ? { status, claims: countOf(count) } : undefined;
}
