/**
 * How sessions end in Redis: in one script, except while Redis Cluster moves the slot of their user. Then a session, the
 * other one of a rotation with grace, and the index may lie on two nodes, and no script sees them all. A revocation does
 * not wait for that to pass: each session is ended at once by a script of its own, and the index is put right afterwards.
 */

import { StoreUnavailableError } from "../../leaves/errors.js";
import { unescapeText } from "../../leaves/text.js";
import type { Target } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import type { Shortfall } from "../../redis/replicas.js";
import { type Context, lookUp } from "../context.js";
import { scripts } from "../scripts/scripts.js";

const NONE: Shortfall = Promise.resolve(null);

type Door = Pick<Context<object>, "redis" | "keys">;

/** What the end of sessions came to. */
export interface End {
  /** The ids of those that were live. */
  readonly ended: readonly string[];
  /** What replicas make of it. */
  readonly shortfall: Shortfall;
}

/** What the end of one session came to. It takes the other one of a rotation with grace with it. */
export interface SessionEnd extends End {
  /** `"ok"`, or why nothing was done: a status of revoke.lua. */
  readonly status: string;
  /** With `"conflict"`: the record as it is now. */
  readonly record: string;
  /** Whose session it was; `null` for a guest's. */
  readonly userId: string | null;
}

interface EndOptions {
  /** For a log-in: which session takes its place, and the version that the claims must still have, or `""` for any. */
  readonly logIn?: { readonly id: string; readonly version: string };
  /** Where this is one step of a longer call, which waits for no replicas. */
  readonly deadline?: Deadline;
}

/** Ends one session. */
export async function endSession(cx: Door, target: Target, options: EndOptions = {}): Promise<SessionEnd> {
  const { logIn = { id: "", version: "" }, deadline = cx.redis.deadline() } = options;
  const { version } = logIn;
  const run = async (id: string, args: readonly string[]) => {
    const keys = [cx.keys.session(id)];
    const { result, shortfall } =
      options.deadline === undefined
        ? await cx.redis.runRevocation(scripts.revoke, keys, [...args, cx.redis.traced, "", 0], deadline)
        : {
            result: await cx.redis.run(
              scripts.revoke,
              keys,
              [...args, "", id === target.id ? logIn.id : "", Math.ceil(deadline.left) + 1],
              deadline,
            ),
            shortfall: NONE,
          };
    return { reply: result as [string, string?, ...string[]], shortfall };
  };

  const parts = [await run(target.id, [target.secretHash, version, ""])];
  const [first, twin = ""] = parts[0]?.reply ?? [];
  if (first === "twin") {
    parts[0] = await run(twin, ["", "", "1"]);
    parts.unshift(await run(target.id, [target.secretHash, version, "1"]));
  }
  const done = parts.filter(({ reply: [status] }) => status === "ok" || status === "unlisted");
  const ended = done.flatMap(({ reply }) => reply.slice(2) as string[]);
  const left = parts.flatMap(({ reply: [status, , ...ids] }) => (status === "unlisted" ? (ids as string[]) : []));
  const [status, text = ""] = parts[0]?.reply ?? [];
  // A dead id in the index does no harm, and goes when the session would have expired: the revocation stands without this.
  if (left.length > 0) await unlist(cx, `${cx.keys.indexes(target.id)}${text}`, left, deadline).catch(ignoreOutage);
  return {
    status: status === "unlisted" ? "ok" : (status as string),
    record: text,
    userId: text === "" || status === "conflict" ? null : unescapeText(text),
    ended,
    shortfall: firstOf(parts.map(({ shortfall }) => shortfall)),
  };
}

/**
 * Ends sessions of a user one by one, all but the spared one and the other one of its rotation, and takes them out of the
 * index: a page on which revoke-user.lua would do nothing. `null` where there was nothing to end.
 */
export async function endEach(
  cx: Context<object>,
  index: string,
  ids: readonly string[],
  spared: string,
): Promise<End | null> {
  const kept = spared === "" ? null : await lookUp(cx, spared);
  const others = ids.filter((id) => id !== kept?.successor && id !== kept?.predecessor);
  if (others.length === 0) return null;
  const ends = await Promise.all(
    others.map((id) =>
      cx.redis.runRevocation(scripts.revoke, [cx.keys.session(id)], ["", "", "1", cx.redis.traced, "", 0]),
    ),
  );
  // The next page is read from the index again, so this one has to leave it.
  await unlist(cx, index, others);
  const ended = ends.flatMap(({ result }) => {
    const [status, , ...gone] = result as string[];
    return status === "ok" || status === "unlisted" ? gone : [];
  });
  return { ended, shortfall: firstOf(ends.map(({ shortfall }) => shortfall)) };
}

/** The first shortfall of several revocations. */
export async function firstOf(shortfalls: readonly Shortfall[]): Shortfall {
  const settled = await Promise.all(shortfalls);
  return settled.find((shortfall) => shortfall !== null) ?? null;
}

async function unlist(cx: Door, index: string, ids: readonly string[], deadline?: Deadline): Promise<void> {
  await cx.redis.run(scripts.unlist, [index], ids, deadline);
}

function ignoreOutage(error: unknown): void {
  if (!(error instanceof StoreUnavailableError)) throw error;
}
