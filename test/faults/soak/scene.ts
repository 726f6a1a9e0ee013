/**
 * One scene of a soak: a user of its own, whose sessions nobody else deals with, and the means to ask for something and to
 * say what must come of it. scenes.ts has the scenes.
 */
import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import type { IssuedSession, SessionStore } from "../../../src/index.js";
import type { Keys } from "../../../src/sessions/keys.js";
import type { Dice } from "../../harness/dice.ts";
import { type Calls, type Line, UNSURE } from "./calls.ts";

/** The stores on one of the clients. */
export interface SceneDesk {
  readonly line: Line;
  readonly store: SessionStore;
  /** The same sessions, at most `LIMIT` of each user. */
  readonly limited: Readonly<Record<Policy, SessionStore>>;
}

export const LIMIT = 3;
export type Policy = "evict-oldest" | "evict-idle" | "reject";

/** What all scenes share. */
export interface Stage {
  readonly desks: readonly SceneDesk[];
  readonly calls: Calls;
  readonly keys: Keys;
  /** Changes TTLs by hand. */
  readonly admin: Redis;
  /** Ids of sessions whose TTL was changed by hand. */
  readonly hastened: Set<string>;
  /** Users of scenes that were not played to their end: they may have sessions, or be blocked. */
  readonly left: Set<string>;
}

/** A call got no answer: it may yet run, and the scene cannot go on. */
export class NoAnswer extends Error {}

export class Scene {
  readonly userId = `scene ${randomUUID()}`;
  readonly dice: Dice;
  readonly stage: Stage;

  constructor(stage: Stage, dice: Dice) {
    this.stage = stage;
    this.dice = dice;
  }

  /** How many connections all clients have lost. */
  get losses(): number {
    return this.stage.desks.reduce((sum, { line }) => sum + line.losses, 0);
  }

  /** Calls a verb on whichever client. `UNSURE`: it got no answer. */
  attempt<T, E extends Error = never>(
    name: string,
    run: (store: SessionStore) => Promise<T>,
    expected: readonly (abstract new (...args: never[]) => E)[] = [],
    policy?: Policy,
  ): Promise<T | E | typeof UNSURE> {
    const { line, store, limited } = this.dice.pick(this.stage.desks);
    return this.stage.calls.make(line, name, () => run(policy === undefined ? store : limited[policy]), expected);
  }

  /** The same where the scene needs the answer to go on. */
  async ask<T, E extends Error = never>(
    name: string,
    run: (store: SessionStore) => Promise<T>,
    expected: readonly (abstract new (...args: never[]) => E)[] = [],
    policy?: Policy,
  ): Promise<T | E> {
    const outcome = await this.attempt<T, E>(name, run, expected, policy);
    if (outcome === UNSURE) throw new NoAnswer();
    return outcome;
  }

  create(options: object = {}): Promise<IssuedSession<Record<string, unknown>>> {
    const { userId } = this;
    const run = (store: SessionStore) => store.create({ userId, claims: { n: 0 }, ...options });
    return this.ask<Awaited<ReturnType<typeof run>>>("create", run);
  }

  expect(promise: string, fine: boolean, what: string): void {
    if (!fine) this.stage.calls.breaks(`${promise}: ${what} (${this.userId})`);
  }

  /** Asserts that nothing that takes a token or an id finds a session, on any of the clients. */
  async expectDead(token: string, why: string): Promise<void> {
    const id = token.slice(0, 26);
    const increment = (claims: Readonly<Record<string, unknown>>) => ({ n: Number(claims["n"]) + 1 });
    const lookups: [string, (store: SessionStore) => Promise<unknown>][] = [
      ["get", (store) => store.get(token)],
      ["touch", (store) => store.touch(token)],
      ["updateClaims", (store) => store.updateClaims(token, { late: true })],
      ["updateClaims with a function", (store) => store.updateClaims(id, increment)],
      ["rotate", (store) => store.rotate(token)],
      ["find", (store) => store.find(id)],
    ];
    await Promise.all(
      lookups.map(async ([name, run]) => {
        const found = await this.attempt(name, run);
        if (found !== UNSURE) this.expect("P1, P2", found === null, `${name} found a session that ${why}`);
      }),
    );
    // Nothing of what went on above may have brought it back.
    const listed = await this.ask("listForUser", (store) => store.listForUser(this.userId));
    this.expect("P2", !listed.some((session) => session.id === id), `a list names a session that ${why}`);
    this.expect("P2", (await this.ask("get", (store) => store.get(token))) === null, `get found what ${why}`);
  }

  async expectLive(token: string, why: string): Promise<void> {
    const found = await this.ask("get", (store) => store.get(token));
    this.expect("P8", found !== null, `get answered null for a session that ${why}`);
  }
}
