/** How long and how large a run is. Pure. */

export interface Settings {
  readonly quick: boolean;
  /** Rounds that count. One more before them warms up. */
  readonly rounds: number;
  /** How long each contender is under load in a round. */
  readonly roundMilliseconds: number;
  /** The numbers of live sessions among which `lookup` looks one up. */
  readonly populations: readonly number[];
  /** How many sessions are weighed. */
  readonly weighed: number;
  /** The numbers of sessions of one user that are revoked. */
  readonly revoked: readonly number[];
  /** Seconds of load on an HTTP server in a round, and how many rounds. */
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
  roundMilliseconds: 250,
  populations: [1_000, 100_000, 1_000_000],
  weighed: 100_000,
  revoked: [1, 10, 100, 1_000, 10_000],
  httpSeconds: 2,
  httpRounds: 4,
  watchSeconds: 10,
};

const QUICK = {
  rounds: 3,
  roundMilliseconds: 60,
  populations: [1_000, 100_000],
  weighed: 10_000,
  revoked: [1, 100, 1_000],
  httpSeconds: 1,
  httpRounds: 1,
  watchSeconds: 3,
};

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
    httpRounds: Math.min(base.httpRounds, rounds ?? base.httpRounds),
    // A short round was asked for: the HTTP load keeps the same proportion to it.
    httpSeconds: base.httpSeconds * Math.min(1, (roundMilliseconds ?? base.roundMilliseconds) / base.roundMilliseconds),
  };
}
