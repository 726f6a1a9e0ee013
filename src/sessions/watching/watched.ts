/** One session that is watched: what is known of it, and who watches it. It knows neither Redis nor the feed. */
import type { WatchEndedError } from "../../leaves/errors.js";
import type { ProcessClock } from "../near/process-clock.js";
import type { StoredSession } from "../session.js";
import type { Due } from "./timetable.js";
import { NEVER, type Watcher } from "./watch.js";

/** A session that is watched, or whose watch is beginning. */
export interface Watched<Claims extends object> extends Due {
  readonly id: string;
  /** A list, because there is mostly one, and a set is three times as large. */
  readonly watchers: Watcher<Claims>[];
  /** How many watches of it are beginning. */
  beginning: number;
  /** As last read; `undefined` if no read has come back yet. */
  stored: StoredSession<Claims> | undefined;
  /** When it ends if it is not used, and in any case, by the clock of this process; no earlier than by that of Redis. */
  endsAt: number;
  endsSurelyAt: number;
  /** The first of them by the wall clock of this process, which goes on while the machine sleeps. */
  endsByWallAt: number;
  /** When the last read that has found it was sent. */
  readAt: number;
  /** In which round it was read: a new round begins when something may have been missed. */
  round: number;
  /** Until when it was surely known, in the rounds before: see `#sureAt` of the watches. */
  sureAt: number;
  /** Set when it has ended. */
  end: WatchEndedError | undefined;
}

/** Takes in what a read has found that was sent at `sent`. Returns whether that is newer than what was known. */
export function learn<Claims extends object>(
  watched: Watched<Claims>,
  read: StoredSession<Claims>,
  { sent, round, clock }: { readonly sent: number; readonly round: number; readonly clock: ProcessClock },
): boolean {
  if (watched.stored !== undefined && isOlder(read, watched.stored)) return false;
  watched.stored = read;
  watched.readAt = sent;
  watched.round = round;
  const { session, readAt } = read;
  const now = clock.now();
  watched.endsAt = now + session.expiresAt - readAt;
  watched.endsSurelyAt = now + session.absoluteExpiresAt - readAt;
  watched.endsByWallAt = clock.wall() + session.expiresAt - readAt;
  return true;
}

/** Whether a read shows an older state than another: reads of a Cluster may overtake each other, also two of one ms. */
function isOlder(read: StoredSession<object>, other: StoredSession<object>): boolean {
  return read.readAt === other.readAt ? Number(read.version) < Number(other.version) : read.readAt < other.readAt;
}

/** A session of which nothing is known yet, in this round. */
export function newWatched<Claims extends object>(id: string, round: number): Watched<Claims> {
  return {
    ...{ id, watchers: [], beginning: 0, stored: undefined, end: undefined, second: undefined },
    ...{ endsAt: NEVER, endsSurelyAt: NEVER, endsByWallAt: NEVER, readAt: 0, round, sureAt: 0 },
  };
}
