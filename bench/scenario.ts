/** The one shape that every scenario and every contender has. */
import type { Figure } from "./figures.ts";
import type { Call } from "./load.ts";
import type { Population } from "./population.ts";
import type { Progress } from "./progress.ts";
import type { RedisUnderTest, ServerWish } from "./redis-under-test.ts";
import type { Settings } from "./settings.ts";
import type { Tight } from "./tight.ts";

/** Somebody who answers "who is it?", by whatever means. */
export interface Contender {
  readonly name: string;
  /** What it does for one answer. */
  readonly does: string;
  /** What a user of it goes without, compared with a session that is looked up; shown wherever it is the faster one. */
  readonly givesUp?: string;
  /** Whether it is coatcheck. */
  readonly ours?: true;
  /** Whether it answers without asking any server, so that nothing can be taken back before it expires. */
  readonly stateless?: true;
  /** Whom its ratios are to, where that is not the baseline of the scenario. */
  readonly against?: string;
  /** Left out of a quick run: a variant of another contender. */
  readonly notInQuick?: true;
}

/** A contender that is called in a process of its own. */
export interface ClientContender extends Contender {
  /** Runs there: connects, stores what is to be looked up, and returns the lookup. Imports its packages itself. */
  open(place: Place): Promise<Opened>;
}

/** Where a contender finds its server and leaves its keys. */
export interface Place {
  /** The nodes of a Redis Cluster, or the one URL of a server. */
  readonly urls: readonly string[];
  readonly cluster: boolean;
  /** What all of its keys begin with. */
  readonly prefix: string;
  /** Sessions that live on the server already, where the scenario has filled it. */
  readonly population?: Population;
  /** How many of these are looked up in turn, at most. */
  readonly sample?: number;
  /** The database of the contenders that use one. */
  readonly postgres?: string;
}

export interface Opened {
  readonly call: Call;
  /** What takes so little that only many calls together can be timed; for a tight load. */
  readonly tight?: Tight;
  /** Runs before every round and is no part of it: makes anew what would expire in the course of a run. */
  readonly prepare?: () => Promise<unknown>;
}

/** One question that a user would ask, and how it is answered. */
export interface Scenario {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly shows: string;
  /** How it was measured, beyond what holds for all; for the report. */
  readonly method: readonly string[];
  /** What its figures do not say. */
  readonly limits: readonly string[];
  readonly contenders: readonly Contender[];
  /** Left out of a quick run, unless it was asked for by `--only`. */
  readonly notInQuick?: true;
  run(bench: Bench): Promise<void>;
}

/** What a scenario works with, and where it leaves what it finds. */
export interface Bench {
  readonly settings: Settings;
  readonly progress: Progress;
  /** Aborts on Ctrl-C: a scenario looks at it before each piece of work. */
  readonly signal: AbortSignal;
  /** A private server of its own, empty; the user's where there is one. `prefix` names a corner of it that is swept in the end. */
  server(wish?: ServerWish): Promise<RedisUnderTest>;
  /** Whether `server()` is always the same server, somebody else's. */
  readonly sharedServer: boolean;
  /** Runs when the scenario ends, however it does; last in, first out. */
  defer(cleanUp: () => unknown): void;
  record(figures: readonly Figure[]): void;
  /** The figures so far, of all scenarios of this run. */
  readonly figures: readonly Figure[];
  /** Another server that takes part, for the table of versions. */
  uses(name: string, version: string): void;
  /** Looks at what others take of the machine. Between two rounds: it takes some 50 ms itself. */
  look(): Promise<void>;
  /** Reports that a contender could not be measured. The rest goes on. */
  fail(contender: string, error: unknown): void;
  /** Reports what was left out, and why. That is no failure. */
  skip(what: string, why: string): void;
}
