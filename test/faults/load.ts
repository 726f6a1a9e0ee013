/**
 * A bounded load of every verb, by users who each do one thing after another. What is done when is drawn from dice that fall
 * the same in every run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionStore } from "../../src/index.js";
import { Dice } from "../harness/dice.js";
import { type Deed, Deeds, WEIGHTS } from "./deeds.js";
import { JudgedCalls } from "./judged-calls.js";
import type { Ledger } from "./ledger.js";
import type { User } from "./user.js";

export interface LoadOptions {
  readonly ledger: Ledger;
  /** Each call goes through one of them by chance, as if each were a process of its own. */
  readonly stores: readonly SessionStore[];
  /** How many users there are. */
  readonly users: number;
  /** How many of them do something at the same time. Default: all. */
  readonly workers?: number;
  /** Calls per second of all of them together. */
  readonly perSecond: number;
  /** The `timeout` of the stores, ms. */
  readonly timeout: number;
  /** The `timeout` in their `replicas` option, if they have that, ms. */
  readonly replicasTimeout?: number | undefined;
  /** The idle timeout of the stores, ms. Default: that of a store. */
  readonly idleTimeout?: number;
  /** A share of the sessions, from 0 to 1, that end after so many ms without use. Default: none. */
  readonly shortLived?: { readonly share: number; readonly idleTimeout: number };
  /** How often each deed is drawn, beside the others. */
  readonly weights?: Partial<Record<Deed, number>>;
  /** What the ids of its users begin with. Default: `"user"`. */
  readonly name?: string;
  readonly seed?: number;
  /** How many connections the client of a store has lost so far: a call during which one was lost may run twice. */
  readonly losses?: (store: SessionStore) => number;
  /** For how long beyond its deadline `stop` waits for the last call, ms. Default: 20 000. */
  readonly patience?: number;
}

/** A load, and what became of its calls so far. */
export interface Load {
  /** How many calls were made. */
  readonly calls: number;
  /** How many of them rejected, by the error's `code`. */
  readonly errors: Readonly<Record<string, number>>;
  /** How often each deed was done. */
  readonly deeds: Readonly<Partial<Record<Deed, number>>>;
  /** Makes so many sessions of its users as fast as it can, before the load begins. */
  populate(sessions: number): Promise<void>;
  /** Begins the load. */
  start(): void;
  /** Ends the load; a call that does not settle breaks P8. */
  stop(): Promise<void>;
}

export function prepareLoad(options: LoadOptions): Load {
  const { ledger, stores, users, workers = users, perSecond, timeout, replicasTimeout, losses } = options;
  const { idleTimeout = 30 * 60_000, name = "user", seed = 1, patience = 20_000 } = options;
  const { shortLived = { share: 0, idleTimeout } } = options;
  const dice = new Dice(seed);
  const calls = new JudgedCalls({ ledger, stores, dice, timeout, replicasTimeout, losses });
  const weights = { ...WEIGHTS, ...options.weights };
  const deeds = new Deeds({ ledger, calls, dice, weights, idleTimeout, shortLived });
  let incarnations = 0;
  let over = false;
  let running: Promise<unknown> = Promise.resolve();

  const newUser = () => ledger.addUser(`${name} ${++incarnations}`);
  const groups: User[][] = Array.from({ length: Math.min(workers, users) }, () => []);
  for (let at = 0; at < users; at++) groups[at % groups.length]?.push(newUser());
  // A deed is a call or two.
  const pace = (1200 * groups.length) / perSecond;

  async function work(group: User[]): Promise<void> {
    await sleep(dice.throw() * pace);
    while (!over) {
      const begun = performance.now();
      const at = dice.below(group.length);
      await deeds.act(group[at] as User);
      if (group[at]?.retired) group[at] = newUser();
      // It makes up for nothing: a load that was held up is not to be a flood.
      await sleep(Math.max(0, begun + pace - performance.now()));
    }
  }

  return {
    get calls() {
      return calls.count;
    },
    errors: calls.errors,
    deeds: deeds.done,
    async populate(sessions) {
      let left = sessions;
      const fill = async (group: readonly User[]) => {
        for (let at = 0; left-- > 0; at++) await deeds.create(group[at % group.length] as User);
      };
      await Promise.all(groups.map(fill));
    },
    start() {
      running = Promise.all(groups.map(work));
    },
    async stop() {
      over = true;
      await calls.finish(running, patience);
    },
  };
}
