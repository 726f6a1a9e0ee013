/**
 * The feed: what scripts tell all processes when sessions end or change. Each script that ends or changes sessions publishes
 * their ids in the same step, after its writes (`tell` in record.lua), on one channel for each store. A message is
 *
 *   <letter> <id> <id> …        one space before each id; at least one id, and at most as many as one page of a script has
 *
 * The letter is `~` if the claims have changed, otherwise it says why the sessions have ended. The second run of a script whose
 * reply was lost publishes nothing, because the first run did. Sessions that expire are not told of, nor those that are created,
 * read or slid. This file knows the form of the messages, and not who listens.
 */
import { isId } from "../leaves/token.js";

/**
 * Why a session ended: by its own id or token, with all of its user's, by a block, to make room for another, because a rotation
 * or a log-in has put another in its place, or with all sessions of the store.
 */
export type EndingReason = "revoked" | "user" | "blocked" | "limit" | "rotated" | "all";

/** The letter of each reason, as it is in messages, in the arguments of scripts, and in Redis. */
export const ENDING_LETTERS = {
  revoked: "r",
  user: "u",
  blocked: "b",
  limit: "l",
  rotated: "n",
  all: "a",
} as const satisfies Record<EndingReason, string>;

/** The letter of a message about sessions whose claims have changed. */
const CHANGED = "~";

/** What a message says. */
export type FeedMessage =
  | { readonly kind: "ended"; readonly reason: EndingReason; readonly ids: readonly string[] }
  | { readonly kind: "changed"; readonly ids: readonly string[] };

const reasons: ReadonlyMap<string, EndingReason> = new Map(
  (Object.keys(ENDING_LETTERS) as EndingReason[]).map((reason) => [ENDING_LETTERS[reason], reason]),
);

/** The reason that a letter stands for; `undefined` for any other text. */
export function reasonOf(letter: string): EndingReason | undefined {
  return reasons.get(letter);
}

/**
 * Reads a message. `undefined`: no script of this version has sent it, so nobody can tell which sessions it is about. A
 * listener that relies on the feed must then take it for a message about all of them.
 */
export function parseFeed(message: string): FeedMessage | undefined {
  const [letter = "", ...ids] = message.split(" ");
  if (ids.length === 0 || !ids.every(isId)) return undefined;
  if (letter === CHANGED) return { kind: "changed", ids };
  const reason = reasonOf(letter);
  return reason === undefined ? undefined : { kind: "ended", reason, ids };
}

/**
 * The channel of a store. `keyPrefix` is that of the ioredis client, `""` for none: a client adds it to the keys of scripts, from
 * which they derive the channel, but not to the channel of SUBSCRIBE.
 */
export function feedChannel(keyPrefix: string, prefix: string): string {
  return `${keyPrefix}${prefix}near`;
}
