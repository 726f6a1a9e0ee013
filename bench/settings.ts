/** How long and how large a run is. Pure. */

export interface Settings {
  readonly quick: boolean;
  /** Rounds that count. Half a round before them warms up. */
  readonly rounds: number;
  /** How long each contender is under load in a round. */
  readonly roundMilliseconds: number;
  /** The numbers of live sessions among which `lookup` looks one up. */
  readonly populations: readonly number[];
  /** How many calls `lookup` has in flight. */
  readonly inFlight: readonly number[];
  /** How many different ones of them are looked up in turn, at most. */
  readonly sample: number;
  /** How many sessions are weighed, and how many of them each user has. */
  readonly weighed: number;
  readonly perUser: readonly number[];
  /** Whether newer servers are weighed as well. */
  readonly newerServers: boolean;
  /** The numbers of sessions of one user that are revoked. */
  readonly revoked: readonly number[];
  /** How many sessions of everybody are revoked, and how often. */
  readonly everybody: number;
  readonly everybodyRounds: number;
  /** Seconds of load on an HTTP server in a round, and how many rounds. Half a round before them warms up. */
  readonly httpSeconds: number;
  readonly httpRounds: number;
  /** For how long a logged-out user is watched, seconds. */
  readonly watchSeconds: number;
}

export interface SettingsChoice {
  readonly quick: boolean;
  readonly rounds?: number | undefined;
  readonly roundMilliseconds?: number | undefined;
  /** No scenario makes more sessions than this. */
  readonly mostSessions?: number | undefined;
}

const FULL = {
  rounds: 7,
  roundMilliseconds: 160,
  populations: [1_000, 100_000, 1_000_000],
  inFlight: [1, 16, 64, 128, 256],
  sample: 50_000,
  weighed: 100_000,
  perUser: [1, 3, 100],
  newerServers: true,
  revoked: [1, 10, 100, 1_000, 10_000],
  everybody: 100_000,
  everybodyRounds: 3,
  httpSeconds: 1.2,
  httpRounds: 5,
  watchSeconds: 10,
};

const QUICK = {
  rounds: 3,
  roundMilliseconds: 50,
  populations: [1_000, 100_000],
  inFlight: [1, 16, 128],
  sample: 5_000,
  weighed: 10_000,
  perUser: [3],
  newerServers: false,
  revoked: [1, 100, 1_000],
  everybody: 10_000,
  everybodyRounds: 1,
  httpSeconds: 0.4,
  httpRounds: 1,
  watchSeconds: 2,
};

/** What a quick run goes without in each scenario, beside the contenders that say so themselves. */
export const NOT_IN_QUICK: Readonly<Record<string, string>> = {
  lookup: "lookup: a million sessions, and 64 and 256 in flight",
  http: "http: all but one round of 0.4 s",
  revocation: "revocation: 10 and 10 000 sessions, and nine in ten of everybody's",
  memory: "memory: 1 and 100 sessions per user, newer servers, and nine sessions in ten",
};

/** How little a quick run measures what it does measure. */
export function briefly({ rounds, roundMilliseconds }: Settings): string {
  return `${rounds} rounds of ${roundMilliseconds} ms in place of ${FULL.rounds} of ${FULL.roundMilliseconds} ms: expect wide spreads`;
}

/** The settings of a full or a quick run, with what the user changed. */
export function settingsFor({ quick, rounds, roundMilliseconds, mostSessions }: SettingsChoice): Settings {
  const base = quick ? QUICK : FULL;
  const most = mostSessions ?? Number.POSITIVE_INFINITY;
  const within = (numbers: readonly number[]) => [...new Set(numbers.map((number) => Math.min(number, most)))];
  return {
    ...base,
    quick,
    rounds: rounds ?? base.rounds,
    roundMilliseconds: roundMilliseconds ?? base.roundMilliseconds,
    populations: within(base.populations),
    weighed: Math.min(base.weighed, most),
    revoked: within(base.revoked),
    everybody: Math.min(base.everybody, most),
    everybodyRounds: Math.min(base.everybodyRounds, rounds ?? base.everybodyRounds),
    httpRounds: Math.min(base.httpRounds, rounds ?? base.httpRounds),
    // A short round was asked for: the HTTP load keeps the same proportion to it.
    httpSeconds: base.httpSeconds * Math.min(1, (roundMilliseconds ?? base.roundMilliseconds) / base.roundMilliseconds),
  };
}
