/**
 * Whether every verb of a store, and the way of a request over HTTP, settles at its deadline while a fault lasts. What the
 * process itself is late by meanwhile is not the call's fault, so it is measured and taken off.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createHttpSessions } from "../../../src/http.js";
import { NotReplicatedError, type SessionStore, StoreUnavailableError, UserBlockedError } from "../../../src/index.js";
import { everyVerb, type Subject, stranger } from "../../fixtures/every-verb.js";
import { Lag } from "../lag.js";
import type { Ledger } from "../ledger.js";

/** How much later than its deadline a call may settle, ms. */
const TOLERANCE = 50;

/** How long a call that has missed its deadline is waited for before it is called hung, ms. */
const PATIENCE = 20_000;

const nobody = stranger();

export interface Settling {
  /** How many calls were made, and how many of them settled. */
  readonly calls: number;
  readonly settled: number;
  /** Of those that rejected, how many, by the error's `code`. */
  readonly errors: Readonly<Record<string, number>>;
  /** How much later than its deadline the latest call settled, ms, less what the process itself was late. */
  readonly latest: number;
  /** How many of the lookups failed. */
  readonly failures: number;
  /** For how long lookups failed at most before one was answered again, ms; `null` where none failed. */
  readonly outage: number | null;
  /** From an instant until the end of the last lookup that failed, ms; `null` where none failed. */
  recovery(since: number): number | null;
  /** Whether a lookup that began after an instant has been answered. */
  answeredSince(instant: number): boolean;
  /** Makes no more calls, and waits for those that were made. A call that does not settle breaks P8. */
  stop(): Promise<void>;
}

/**
 * Calls every verb, all at once, every so many ms, each time upon a user whom nobody else knows; and in between looks again
 * and again for a live session, which nobody ends.
 */
export function startSettling(
  store: SessionStore,
  { timeout, every, ledger, token }: { timeout: number; every: number; ledger: Ledger; token: string },
): Settling {
  // `revokeAll` would end the session that the lookups are about.
  const { revokeAll, ...verbs } = everyVerb;
  const calls = { ...verbs, "a request over HTTP": touchOverHttp };
  const errors: Record<string, number> = {};
  const over = new AbortController();
  const lag = new Lag();
  const pending = new Set<{ readonly verb: string; readonly call: Promise<void> }>();
  const lookups: { readonly begun: number; readonly ended: number; readonly isAnswered: boolean }[] = [];
  let [made, settled, latest, rounds] = [0, 0, 0, 0];

  function make(verb: string, run: (store: SessionStore, subject: Subject) => Promise<unknown>, subject: Subject) {
    made++;
    const [begun, stolen] = [performance.now(), lag.stolen];
    const call = run(store, subject).then(
      () => undefined,
      (error: unknown) => error,
    );
    const entry = {
      verb,
      call: call.then((error) => {
        settled++;
        pending.delete(entry);
        const late = performance.now() - begun - timeout - (lag.stolen - stolen);
        latest = Math.max(latest, late);
        if (late > TOLERANCE) ledger.accuse("P8", `${verb} settled ${Math.round(late)} ms after its deadline`);
        if (error === undefined) return;
        // Of the calls that are made at once one blocks the user, and another lets them log in.
        if (error instanceof UserBlockedError) return;
        const code = String((error as { code?: unknown }).code ?? error);
        errors[code] = (errors[code] ?? 0) + 1;
        const isKnown = error instanceof StoreUnavailableError || error instanceof NotReplicatedError;
        if (!isKnown) ledger.accuse("P8", `${verb} rejected with ${String(error)}`);
      }),
    };
    pending.add(entry);
  }

  async function work(): Promise<void> {
    while (!over.signal.aborted) {
      const subject = stranger(`settles ${++rounds}`);
      for (const [verb, run] of Object.entries(calls)) make(verb, run, subject);
      // It rejects when it is over, which the loop sees for itself.
      await sleep(every, undefined, { signal: over.signal }).catch(() => {});
    }
  }
  async function look(): Promise<void> {
    while (!over.signal.aborted) {
      const begun = performance.now();
      make(
        "get",
        (store) =>
          store.get(token).then(
            (session) => {
              if (session === null) ledger.accuse("P8", "a lookup of a live session answered null");
              lookups.push({ begun, ended: performance.now(), isAnswered: true });
            },
            (error: unknown) => {
              lookups.push({ begun, ended: performance.now(), isAnswered: false });
              throw error;
            },
          ),
        nobody,
      );
      await sleep(20, undefined, { signal: over.signal }).catch(() => {});
    }
  }
  const working = Promise.all([work(), look()]);

  return {
    get calls() {
      return made;
    },
    get settled() {
      return settled;
    },
    errors,
    get latest() {
      return latest;
    },
    get failures() {
      return lookups.filter(({ isAnswered }) => !isAnswered).length;
    },
    get outage() {
      let longest: number | null = null;
      let since: number | null = null;
      for (const { begun, ended, isAnswered } of lookups.toSorted((a, b) => a.begun - b.begun)) {
        if (!isAnswered) since ??= begun;
        if (since !== null) longest = Math.max(longest ?? 0, ended - since);
        if (isAnswered) since = null;
      }
      return longest;
    },
    recovery(since) {
      const failures = lookups.filter(({ isAnswered }) => !isAnswered).map(({ ended }) => ended - since);
      return failures.length === 0 ? null : Math.max(0, ...failures);
    },
    answeredSince(instant) {
      return lookups.some(({ begun, isAnswered }) => isAnswered && begun >= instant);
    },
    async stop() {
      over.abort();
      await working;
      const all = Promise.all([...pending].map(({ call }) => call));
      await Promise.race([all, sleep(timeout + PATIENCE, undefined, { ref: false })]);
      for (const { verb } of pending) ledger.accuse("P8", `${verb} never settled`);
      lag.stop();
    },
  };
}

/** What every request of an application costs. */
function touchOverHttp(store: SessionStore, { token }: Subject): Promise<unknown> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  const port = { method: "GET", header: (name: string) => headers[name], appendHeader: () => {} };
  return createHttpSessions(store, { bearer: true }).load(port);
}
