/**
 * Random histories, judged by a model. Each history is a row of batches; the verbs of a batch run at once, and there must be
 * an order of their steps that explains every outcome and what Redis then holds. After each batch the keys themselves
 * are looked at: the indexes are complete and name no dead session, and everything has its end.
 *
 * Half of the batches run over two connections, as the network will have it; in the other half every script waits for
 * its turn, and the order is a part of the random input. A failure prints its seed: `COATCHECK_SEED` runs that again.
 * `COATCHECK_HISTORIES` says how many histories there are; `npm run test:long` has 800.
 */
import { inspect } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createSessionStore, type IoredisClient } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { gated } from "../harness/gate.js";
import { startRedisServer } from "../harness/redis-server.js";
import { contentsOf, faultsOf, holds } from "./model/contents.js";
import { Interleaver } from "./model/interleaver.js";
import * as operations from "./model/operations.js";
import { type Claims, explain, type Limit, State } from "./model/state.js";

const HISTORIES = Number(process.env["COATCHECK_HISTORIES"] ?? 200);
const BATCHES = 25;
/** In each history at the least, on average: of batches of several at once. */
const CONCURRENT = 12.5;
const SEED = process.env["COATCHECK_SEED"];
const GRACE = 10 * 60_000;
/** Longer than the test, so that time has no part in it. */
const IDLE_TIMEOUT = 60 * 60_000;

const LIMITS = new Map<string, Limit>([
  ["bob", { most: 2, policy: "evict-oldest" }],
  ["cyd", { most: 3, policy: "evict-idle" }],
  ["dan", { most: 2, policy: "reject" }],
]);

/** A server of its own, because every key on it is looked at after every batch. */
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
await gated(redis); // It teaches Redis every script, so that each verb's first call is its only one.
const interleaver = new Interleaver(connect({ port: server.port }));
const connections = [connect({ port: server.port }), connect({ port: server.port })];

/** How a random verb names a session: by how lately it came, so that verbs of one batch often mean the same one. */
interface Choice {
  readonly latest: number;
  readonly among: "live" | "all";
  readonly by: "token" | "id" | "forged";
}

/** Turns random input into an operation, when the sessions are known that it can mean. */
type Plan = (history: History) => operations.Operation;

const choice: fc.Arbitrary<Choice> = fc.record({
  latest: fc.nat(3),
  among: fc.constantFrom("live", "live", "live", "live", "all"),
  by: fc.constantFrom("token", "token", "token", "token", "id", "forged"),
});
const user = fc.constantFrom("ada", "bob", "cyd", "dan");
const name = fc.constantFrom("role", "theme", "visits");
const claims = fc.dictionary(name, fc.nat(9), { noNullPrototype: true });
const patch = fc.dictionary(name, fc.option(fc.nat(9), { nil: undefined }), { noNullPrototype: true });
const plan = fc.oneof(
  weighed(6, fc.tuple(fc.option(user), claims), (_, [userId, claims]) => operations.create(userId, claims)),
  weighed(2, choice, (history, of) => operations.get(history.bearer(of))),
  weighed(1, choice, (history, of) => operations.findById(history.named(of).target.slice(0, 26))),
  weighed(3, choice, (history, of) => operations.touch(history.bearer(of))),
  weighed(4, fc.tuple(choice, patch), (history, [of, patch]) => operations.patch(history.named(of), patch)),
  weighed(5, choice, (history, of) => operations.increment(history.named(of))),
  weighed(3, choice, (history, of) => operations.revoke(history.named(of))),
  weighed(6, fc.tuple(choice, patch, fc.constantFrom(0, GRACE)), (history, [of, claims, grace]) =>
    operations.rotate(history.bearer(of), { claims, grace }),
  ),
  weighed(5, fc.tuple(choice, user, patch), (history, [of, userId, patch]) =>
    operations.logIn(history.bearer(of), userId, patch),
  ),
  weighed(2, fc.tuple(user, fc.option(choice)), (history, [userId, except]) =>
    operations.revokeAll(userId, except === null ? null : history.named(except)),
  ),
  weighed(2, fc.tuple(user, patch), (_, [userId, patch]) => operations.updateAll(userId, patch)),
  weighed(1, user, (_, userId) => operations.block(userId)),
  weighed(2, user, (_, userId) => operations.unblock(userId)),
  weighed(1, user, (_, userId) => operations.getBlock(userId)),
  weighed(2, user, (_, userId) => operations.list(userId)),
);
const batch = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 4 }),
  /** Whose turn it is; empty where the network decides. */
  turns: fc.oneof(fc.constant<number[]>([]), fc.array(fc.nat(23), { minLength: 12, maxLength: 12 })),
});

function weighed<T>(
  weight: number,
  input: fc.Arbitrary<T>,
  make: (history: History, input: T) => operations.Operation,
) {
  return {
    weight,
    arbitrary: input.map(
      (value): Plan =>
        (history) =>
          make(history, value),
    ),
  };
}

/** One run of random batches, on keys of its own. */
class History {
  readonly #prefix = uniquePrefix();
  /** Every session that ever was. */
  readonly #known = new Map<string, { token: string; userId: string | null }>();
  #state = new State(LIMITS);

  /** Runs a batch and judges it. Gives how many verbs it had. */
  async run(plans: readonly Plan[], turns: readonly number[]): Promise<number> {
    const batch = isolated(plans.map((plan) => plan(this)));
    const clients: IoredisClient[] = turns.length > 0 ? [interleaver.client] : connections;
    const verbs = batch.map((operation, at) => {
      const store = this.#store(clients[at % clients.length] as IoredisClient, operation.joins);
      // A refusal is an outcome like any other, and the model judges it.
      return () => operation.run(store).catch((error: unknown) => error);
    });
    const outcomes = await (turns.length > 0
      ? interleaver.run(verbs, turns)
      : Promise.all(verbs.map((verb) => verb())));

    const contents = await contentsOf(redis, this.#prefix);
    const steps = batch.map((operation, at) => operation.steps(outcomes[at]));
    const after = explain(this.#state, steps, (state) => holds(contents, this.#prefix, state));
    if (after === null) {
      const story = batch.map(({ name }, at) => `${name}\n  gave ${show(outcomes[at])}`).join("\n");
      throw new Error(`No order of\n${story}\nleads from ${show(this.#state)}\nto ${show(contents)}`);
    }
    expect(faultsOf(contents, this.#prefix)).toEqual([]);
    this.#state = after;
    for (const outcome of outcomes) {
      if (typeof outcome !== "object" || outcome === null || !("token" in outcome)) continue;
      const { token, session } = outcome as { token: string; session: { id: string; userId: string | null } };
      this.#known.set(session.id, { token, userId: session.userId });
    }
    return batch.length;
  }

  /** A target for a verb that takes a token or an id. */
  named({ latest, among, by }: Choice): operations.Reference {
    const ids = [...(among === "live" ? this.#state.live : this.#known).keys()];
    const id = ids.at(-1 - (latest % Math.max(1, ids.length))) ?? "0".repeat(26);
    const { token = `${id}.${"A".repeat(43)}`, userId: owner = null } = this.#known.get(id) ?? {};
    if (by === "forged") return { target: `${id}.${"A".repeat(43)}`, opens: null, owner };
    return { target: by === "id" ? id : token, opens: id, owner };
  }

  /** A target for a verb that takes a token alone, and knows no id. */
  bearer(choice: Choice): operations.Reference {
    const reference = this.named(choice);
    return choice.by === "id" ? { ...reference, opens: null } : reference;
  }

  #store(client: IoredisClient, joins: string | null | undefined) {
    const limit = LIMITS.get(joins ?? "");
    return createSessionStore<Claims>(client, {
      prefix: this.#prefix,
      idleTimeout: IDLE_TIMEOUT,
      touchInterval: 0,
      timeout: 10_000,
      ...(limit === undefined ? {} : { maxSessionsPerUser: limit.most, onSessionLimit: limit.policy }),
    });
  }
}

/**
 * Takes out of a batch what may rightly see a log-in half done: the user has a session more for an instant, although the
 * log-in then fails. The races with each step of a log-in are forced elsewhere.
 */
function isolated(batch: operations.Operation[]): operations.Operation[] {
  if (batch.length === 1) return batch;
  const apart = batch.filter(({ inSteps, joins }) => !(inSteps === true && LIMITS.has(joins ?? "")));
  const joined = new Set(apart.filter(({ inSteps }) => inSteps === true).map(({ joins }) => joins));
  return apart.filter(({ whole }) => whole === undefined || !joined.has(whole));
}

const show = (value: unknown) => inspect(value, { depth: 6, breakLength: 120 });

it(`keeps every promise in ${HISTORIES} random histories of ${BATCHES} batches`, { timeout: 240_000 }, async () => {
  let count = 0;
  let concurrent = 0;
  const history = fc.asyncProperty(fc.array(batch, { minLength: BATCHES, maxLength: BATCHES }), async (batches) => {
    const history = new History();
    for (const { plans, turns } of batches) {
      const ran = await history.run(plans, turns);
      count += ran;
      if (ran > 1) concurrent += ran;
    }
  });
  await fc.assert(
    // Every key on this server is this file's own.
    history.afterEach(async () => void (await redis.flushdb())),
    { numRuns: HISTORIES, ...(SEED === undefined ? {} : { seed: Number(SEED) }) },
  );
  console.log(`The model judged ${count} operations, ${concurrent} of them in batches of several at once.`);
  expect(concurrent).toBeGreaterThanOrEqual(CONCURRENT * HISTORIES);
});
