/**
 * Changing the claims of all live sessions of a user. Up to one page is one atomic step. If there are more, the scripts that
 * create sessions note those that the user gains meanwhile, and these are changed last: so this ends, even if log-ins go on.
 */
import { checkClaims, checkUserId } from "../../leaves/arguments.js";
import { CorruptRecordError } from "../../leaves/errors.js";
import { newMark } from "../../redis/marks.js";
import { unknownReply } from "../../redis/replies.js";
import { type ClaimsPatch, type EncodedClaims, namesIn } from "../claims.js";
import { type Context, PAGE } from "../context.js";
import type { UserKeys } from "../keys.js";
import { type Arrivals, runArrivals } from "../scripts/arrivals.js";
import type { Excess } from "../scripts/excess.js";
import { type Cursor, START } from "../scripts/list.js";
import { runUpdate } from "../scripts/update.js";
import { runUpdateArrivals } from "../scripts/update-arrivals.js";
import { runUpdateUser } from "../scripts/update-user.js";
import type { Session } from "../session.js";
import { sessionsOf } from "./list.js";
import { lookUp } from "./look-up.js";
import { compareAndSet, encodeChange, encodePatch, excessError } from "./update.js";

export async function updateClaimsForUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  patch: ClaimsPatch<Claims>,
): Promise<number> {
  checkUserId(userId);
  checkClaims("patch", patch);
  if (cx.options.claims !== undefined) return updateEachOf(cx, userId, patch);

  const { maxClaimsBytes: maxBytes } = cx.options;
  const update = { user: cx.keys.user(userId), most: PAGE, maxBytes, patch: encodePatch(cx, patch) };
  const reached = new Set<string>();
  const finish: Finish = async (page) => {
    if (page.status === "size" || page.status === "many") throw excessError(page, maxBytes);
    if (page.status === "corrupt") throw new CorruptRecordError(cx.keys.session(page.id));
    for (const id of page.status === "moving" ? await writeEach(cx, page.ids, update.patch) : page.ids) {
      cx.forget(id);
      if (reached.has(id)) continue;
      reached.add(id);
      cx.events.announce("updated", { id, userId, claims: namesIn(update.patch) });
    }
    return page;
  };
  let isDone = false;
  while (!isDone) {
    const arrivals = await updatePages(cx, update, finish);
    // One page is one atomic step, in which nothing is missed.
    isDone = arrivals === undefined || (await updateArrivals(cx, update, arrivals, finish));
  }
  return reached.size;
}

/** A change of claims in many sessions, as the scripts take it. */
interface UserUpdate {
  readonly user: UserKeys;
  readonly most: number;
  readonly maxBytes: number;
  readonly patch: EncodedClaims;
}

/** What a script has done on some sessions, or has left to do. */
interface Page {
  readonly status: "ok" | "moving";
  readonly ids: readonly string[];
}

/** Announces what a script has written, writes one by one what it could not, and throws if it refused. */
type Finish = <P extends Page>(page: P | Excess | { readonly status: "corrupt"; readonly id: string }) => Promise<P>;

/**
 * Changes the sessions in the index, page by page. Gives how far the list of arrivals is read, or `undefined` if there was only
 * one page.
 */
async function updatePages<Claims extends object>(
  cx: Context<Claims>,
  update: UserUpdate,
  finish: Finish,
): Promise<Arrivals | undefined> {
  const mark = newMark();
  let arrivals: Arrivals | undefined;
  let after: Cursor | undefined = START;
  while (after !== undefined) {
    const page: Page & { readonly next: Cursor | undefined; readonly arrivals?: Arrivals | undefined } = await finish(
      await runUpdateUser(cx.redis, { ...update, after, mark }),
    );
    arrivals ??= page.arrivals;
    after = page.next;
    if (after === undefined || arrivals !== undefined) continue;
    // While the slot is moving, the script cannot begin the list. It is begun now, and then the first page is done again.
    arrivals = await beginArrivals(cx, update.user);
    after = START;
  }
  return arrivals;
}

/**
 * Changes the sessions that the user has gained meanwhile. When the last script runs, no session is left. `false`: the list has
 * expired because this process was held up for a minute, so sessions may have been missed.
 */
async function updateArrivals<Claims extends object>(
  cx: Context<Claims>,
  update: UserUpdate,
  arrivals: Arrivals,
  finish: Finish,
): Promise<boolean> {
  let { read } = arrivals;
  for (;;) {
    const reply = await runUpdateArrivals(cx.redis, { ...update, mark: arrivals.mark, read });
    if (reply.status === "lost") return false;
    const page = await finish(reply);
    if (page.left === 0) return true;
    ({ read } = page);
  }
}

/** Writes a patch to sessions one by one, while their slot is moving. Gives the ids of those that were live. */
async function writeEach<Claims extends object>(
  cx: Context<Claims>,
  ids: readonly string[],
  patch: EncodedClaims,
): Promise<string[]> {
  const { maxClaimsBytes: maxBytes } = cx.options;
  const live = await Promise.all(
    ids.map(async (id) => {
      const key = cx.keys.session(id);
      const updated = await runUpdate(cx.redis, { key, secretHash: "", maxBytes, patch });
      if (updated.status === "size" || updated.status === "many") throw excessError(updated, maxBytes);
      if (updated.status === "corrupt") throw new CorruptRecordError(key);
      return updated.status === "ok";
    }),
  );
  return ids.filter((_, at) => live[at]);
}

/** The same with a schema: it checks the claims of every session before the first is written. */
async function updateEachOf<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  patch: ClaimsPatch<Claims>,
): Promise<number> {
  const user = cx.keys.user(userId);
  const seen = new Set<string>();
  let changed = 0;
  const change = async (found: readonly Session<Claims>[]) => {
    for (const { claims } of found) await encodeChange(cx, claims, patch);
    for (let from = 0; from < found.length; from += 100) {
      const some = found.slice(from, from + 100);
      const results = await Promise.all(some.map(({ id }) => compareAndSet(cx, { id, secretHash: "" }, patch)));
      for (const session of results) if (session !== null) changed++;
    }
    for (const { id } of found) seen.add(id);
  };

  for (;;) {
    let arrivals = await beginArrivals(cx, user);
    const listed: Session<Claims>[] = [];
    for await (const { session } of sessionsOf(cx, userId)) if (!seen.has(session.id)) listed.push(session);
    await change(listed);
    for (;;) {
      const found = await runArrivals(cx.redis, { user, ...arrivals, most: PAGE });
      // It has expired, because this process or the schema took more than a minute.
      if (found.status === "lost") break;
      if (found.ids.length === 0) return changed;
      ({ arrivals } = found);
      const stored = await Promise.all(found.ids.filter((id) => !seen.has(id)).map((id) => lookUp(cx, id)));
      await change(stored.flatMap((each) => (each === null ? [] : [each.session])));
    }
  }
}

/** Makes the scripts note which sessions the user gains from now on. */
async function beginArrivals<Claims extends object>(cx: Context<Claims>, user: UserKeys): Promise<Arrivals> {
  const begun = await runArrivals(cx.redis, { user, mark: newMark(), most: PAGE });
  if (begun.status === "lost") throw unknownReply(begun);
  return begun.arrivals;
}
