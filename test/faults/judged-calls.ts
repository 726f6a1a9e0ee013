/**
 * Calls of a store under fault, each judged by how long it took and how it failed (P8), and counted. What it answered is
 * the caller's to judge.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { NotReplicatedError, type SessionStore, StoreUnavailableError, UserBlockedError } from "../../src/index.js";
import type { Dice } from "../harness/dice.js";
import { Lag } from "./lag.js";
import type { Ledger } from "./ledger.js";
import type { Span } from "./user.js";

export interface CallOptions {
  readonly ledger: Ledger;
  /** Each call goes through one of them by chance, as if each were a process of its own. */
  readonly stores: readonly SessionStore[];
  readonly dice: Dice;
  /** The `timeout` of the stores, ms. */
  readonly timeout: number;
  /** The `timeout` in their `replicas` option, if they have that, ms. Default: 0. */
  readonly replicasTimeout?: number | undefined;
  /** How many connections the client of a store has lost so far. Default: none, ever. */
  readonly losses?: ((store: SessionStore) => number) | undefined;
}

/** What became of a call. */
export interface Answer<T> {
  readonly span: Span;
  /** What it resolved to; absent where it rejected. */
  readonly value?: T;
  readonly error?: unknown;
  /** How many connections were lost meanwhile. */
  readonly losses: number;
  /** One was: its script may have run twice, and the second time have found what the first did. */
  readonly isRepeated: boolean;
}

/** How much later than its deadline a call may settle, ms. */
const TOLERANCE = 50;

export class JudgedCalls {
  readonly #options: CallOptions;
  readonly #lag = new Lag();
  readonly #pending = new Map<symbol, { readonly verb: string; readonly begun: number }>();
  /** How many of them rejected, by the error's `code`. */
  readonly errors: Record<string, number> = {};
  count = 0;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** Makes a call on one of the stores. A revocation may wait for replicas on top of its deadline. */
  async make<T>(
    verb: string,
    run: (store: SessionStore) => Promise<T>,
    { isRevocation = false } = {},
  ): Promise<Answer<T>> {
    const { stores, dice, timeout, replicasTimeout = 0, losses = () => 0 } = this.#options;
    const store = dice.pick(stores);
    const before = losses(store);
    const [token, begun, stolen] = [Symbol(verb), performance.now(), this.#lag.stolen];
    this.#pending.set(token, { verb, begun });
    this.count++;
    const answer = await run(store).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const span = { begun, ended: performance.now() };
    this.#pending.delete(token);
    const limit = timeout + (isRevocation ? replicasTimeout : 0);
    this.#judgeTime(verb, span.ended - begun - limit - (this.#lag.stolen - stolen));
    if ("error" in answer) this.#judgeError(verb, answer.error);
    const lost = losses(store) - before;
    return { span, losses: lost, isRepeated: lost > 0, ...answer };
  }

  #judgeTime(verb: string, late: number): void {
    if (late > TOLERANCE) {
      this.#options.ledger.accuse("P8", `${verb} settled ${Math.round(late)} ms after its deadline`);
    }
  }

  #judgeError(verb: string, error: unknown): void {
    const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
    const key = String(code ?? name);
    this.errors[key] = (this.errors[key] ?? 0) + 1;
    if (![StoreUnavailableError, NotReplicatedError, UserBlockedError].some((kind) => error instanceof kind)) {
      this.#options.ledger.accuse("P8", `${verb} rejected with ${String(error)}`);
    }
  }

  /** Waits for the last calls of a load that has ended; one that does not settle breaks P8. */
  async finish(load: Promise<unknown>, patience: number): Promise<void> {
    const { ledger, timeout, replicasTimeout = 0 } = this.#options;
    const over = new AbortController();
    const hung = sleep(timeout + replicasTimeout + patience, "hung" as const, { signal: over.signal });
    if ((await Promise.race([load, hung.catch(() => null)])) === "hung") {
      for (const { verb, begun } of this.#pending.values()) {
        ledger.accuse("P8", `${verb} had not settled after ${Math.round(performance.now() - begun)} ms`);
      }
    }
    over.abort();
    this.#lag.stop();
  }
}
