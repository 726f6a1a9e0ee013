/** What a user does, one thing after another, with every verb of a store; each tells the ledger what the user was told. */
import {
  type IssuedSession,
  NotReplicatedError,
  type Session,
  type SessionStore,
  UserBlockedError,
} from "../../src/index.js";
import type { Dice } from "../harness/dice.js";
import type { Answer, JudgedCalls } from "./judged-calls.js";
import type { Ledger } from "./ledger.js";
import { Register } from "./memory.js";
import type { Known, User } from "./user.js";

/** How often each deed is drawn, beside the others. */
export const WEIGHTS = {
  create: 8,
  logIn: 2,
  touch: 30,
  get: 10,
  count: 12,
  patch: 10,
  patchAll: 3,
  rotate: 6,
  list: 4,
  revoke: 8,
  revokeOthers: 3,
  block: 2,
  tryDead: 12,
};

export type Deed = keyof typeof WEIGHTS;

export interface DeedOptions {
  readonly ledger: Ledger;
  readonly calls: JudgedCalls;
  readonly dice: Dice;
  readonly weights: Readonly<Record<Deed, number>>;
  /** The idle timeout of the stores, ms. */
  readonly idleTimeout: number;
  /** A share of the sessions, from 0 to 1, that end after so many ms without use. */
  readonly shortLived: { readonly share: number; readonly idleTimeout: number };
}

/** A user with so many sessions makes no more. */
const MANY = 10;

/** What a dead session must not answer to. */
const ATTEMPTS = {
  get: (store: SessionStore, { token }: Known) => store.get(token),
  touch: (store: SessionStore, { token }: Known) => store.touch(token),
  find: (store: SessionStore, { id }: Known) => store.find(id),
  updateClaims: (store: SessionStore, { token, id }: Known) => store.updateClaims(token ?? id, {}),
};

const REVOCATION = { isRevocation: true };

export class Deeds {
  readonly #options: DeedOptions;
  /** How often each was done. */
  readonly done: Partial<Record<Deed, number>> = {};
  /** No claim is ever set to the same value twice. */
  #stamp = 0;

  constructor(options: DeedOptions) {
    this.#options = options;
  }

  /** The next thing that a user does. */
  async act(user: User): Promise<void> {
    const { dice, weights } = this.#options;
    if (user.block !== "none") return this.#unblock(user);
    const mine = [...user.sessions.values()];
    const open = mine.find(({ state, guest }) => state === "unsure" || state === "lost" || guest);
    // What nobody knows is made sure, but not always at once.
    if (open !== undefined && dice.chance(0.5)) return this.#revoke(user, open);
    const live = mine.filter(({ state, token, guest }) => state === "live" && token !== null && !guest);
    let deed: Deed = live.length === 0 ? "create" : dice.weighed(weights);
    if (live.length > MANY && (deed === "create" || deed === "logIn")) deed = "revoke";
    this.done[deed] = (this.done[deed] ?? 0) + 1;
    if (live.length === 0) await this.create(user);
    else await this.#acts[deed](user, dice.pick(live));
  }

  /** Makes a session of a user, or of a guest who is about to log in. */
  async create(user: User, { guest = false } = {}): Promise<Known | null> {
    const { ledger, calls, dice, idleTimeout, shortLived } = this.#options;
    const isShort = dice.chance(shortLived.share);
    const idle = isShort ? shortLived.idleTimeout : idleTimeout;
    const options = { ...(guest ? {} : { userId: user.id }), ...(isShort ? { idleTimeout: idle } : {}) };
    const { span, value, error, losses } = await calls.make("create", (store) =>
      store.create({ ...options, claims: { n: 0 } }),
    );
    if (!guest) user.ghosts += losses;
    if (value !== undefined) {
      if (user.block === "blocked" && !guest) ledger.foundUnblocked(user);
      return ledger.made(user, value, span, { guest, idle });
    }
    if (!(error instanceof UserBlockedError)) user.ghosts += guest ? 0 : 1;
    else if (user.block === "none") ledger.foundBlocked(user);
    return null;
  }

  readonly #acts: Readonly<Record<Deed, (user: User, one: Known) => Promise<unknown>>> = {
    create: (user) => this.create(user),
    logIn: (user) => this.#logIn(user),
    touch: (_, one) => {
      this.#options.ledger.touching(one);
      return this.#look("touch", one, (store) => store.touch(one.token));
    },
    get: (_, one) => this.#look("get", one, (store) => store.get(one.token)),
    count: (_, one) => this.#count(one),
    // Two claims at once, as from two requests of one browser: both have to survive.
    patch: (_, one) => Promise.all(["a", "b"].map((claim) => this.#patch(one, claim))),
    patchAll: (user) => this.#patchAll(user),
    rotate: async (user, one) => {
      this.#rotated(user, one, await this.#options.calls.make("rotate", (store) => store.rotate(one.token)));
    },
    list: (user) => this.#list(user),
    revoke: (user, one) => this.#revoke(user, one),
    revokeOthers: (user, one) => this.#revokeOthers(user, one),
    block: (user) => this.#block(user),
    tryDead: (user) => this.#tryDead(user),
  };

  async #look(verb: string, one: Known, run: (store: SessionStore) => Promise<Session | null>): Promise<void> {
    const { ledger, calls } = this.#options;
    const { span, value } = await calls.make(verb, run);
    if (value !== undefined) ledger.saw(one, value, span, verb);
  }

  async #logIn(user: User): Promise<void> {
    const guest = await this.create(user, { guest: true });
    if (guest === null) return;
    const run = (store: SessionStore) => store.rotate(guest.token, { userId: user.id });
    this.#rotated(user, guest, await this.#options.calls.make("rotate", run));
    // The session of a guest whose log-in was not answered may live on.
    if (guest.state !== "dead") await this.#revoke(user, guest);
  }

  #rotated(
    user: User,
    old: Known,
    { span, value, error, losses }: Answer<IssuedSession<Record<string, unknown>> | null>,
  ): void {
    const { ledger } = this.#options;
    if (old.guest) user.ghosts += losses;
    // `null` for a live one is wrong also where a connection was lost, and the second run of a log-in's last step found the guest
    // gone: what the first run left says why. That is one transaction with the guest's end, so a failover keeps both or neither.
    if (error instanceof UserBlockedError) ledger.foundBlocked(user);
    else if (value === undefined) {
      // One of the two is live, or both, and nobody knows the new one.
      user.ghosts++;
      ledger.unsure(old);
    } else if (value === null) ledger.saw(old, null, span, "rotate");
    else {
      ledger.ended(old, span, "rotation");
      ledger.made(user, value, span, { by: "rotation", from: old, idle: old.idle });
    }
  }

  async #count(one: Known): Promise<void> {
    const { ledger, calls } = this.#options;
    one.n.attempt();
    const { next, last } = one.n;
    const add = ({ n }: Readonly<Record<string, unknown>>) => ({ n: Number(n) + 1 });
    const { span, value } = await calls.make("updateClaims", (store) => store.updateClaims(one.token, add));
    if (value === undefined) return;
    ledger.saw(one, value, span, "updateClaims");
    const n = Number(value?.claims["n"]);
    if (n < next && (last === null || !ledger.isLosable("update", last))) {
      ledger.accuse("P3", `counting up gave ${n} for ${one.id}, where at least ${next} was due`);
    }
  }

  async #patch(one: Known, claim: string): Promise<void> {
    const { ledger, calls } = this.#options;
    const patch = { [claim]: ++this.#stamp };
    const { span, value } = await calls.make("updateClaims", (store) => store.updateClaims(one.token, patch));
    registerOf(one, claim).set(patch[claim], span, value !== undefined && value !== null);
    if (value === null) ledger.saw(one, null, span, "updateClaims");
  }

  async #patchAll(user: User): Promise<void> {
    const { ledger, calls } = this.#options;
    const all = ++this.#stamp;
    const patched = [...user.sessions.values()].filter(({ guest }) => !guest);
    const run = (store: SessionStore) => store.updateClaimsForUser(user.id, { all });
    const { span, value } = await calls.make("updateClaimsForUser", run);
    for (const known of patched) {
      registerOf(known, "all").set(all, span, value !== undefined && known.state === "live");
    }
    if (value === undefined) ledger.retire(user);
    else ledger.counted(user, "updateClaimsForUser", value);
  }

  async #list(user: User): Promise<void> {
    const { ledger, calls } = this.#options;
    const { span, value } = await calls.make("listForUser", (store) => store.listForUser(user.id));
    if (value !== undefined) ledger.listed(user, value, span);
  }

  async #revoke(user: User, one: Known): Promise<void> {
    const { ledger, calls } = this.#options;
    const target = one.token ?? one.id;
    const { span, value, isRepeated } = await calls.make("revoke", (store) => store.revoke(target), REVOCATION);
    if (value === undefined) return ledger.unsure(one);
    if (!value && !isRepeated) ledger.saw(one, null, span, "revoke");
    if (user.sessions.has(one.id)) ledger.ended(one, span);
  }

  async #revokeOthers(user: User, spared: Known): Promise<void> {
    const run = (store: SessionStore) => store.revokeAllForUser(user.id, { except: spared.id });
    this.#allEnded(
      user,
      "revokeAllForUser",
      await this.#options.calls.make("revokeAllForUser", run, REVOCATION),
      spared,
    );
  }

  async #block(user: User): Promise<void> {
    const { calls, dice } = this.#options;
    user.block = "unsure";
    const answer = await calls.make("blockUser", (store) => store.blockUser(user.id), REVOCATION);
    this.#allEnded(user, "blockUser", answer);
    if (answer.value === undefined) return;
    user.block = "blocked";
    user.blockChanged = answer.span;
    // Whoever logs in now must be refused; and not in every block, so that some are lifted at once.
    if (dice.chance(0.5)) await this.create(user);
  }

  #allEnded(user: User, verb: string, { span, value, error, isRepeated }: Answer<number>, spared?: Known): void {
    const { ledger } = this.#options;
    if (value !== undefined && !isRepeated) ledger.counted(user, verb, value, spared);
    for (const known of [...user.sessions.values()]) {
      if (known === spared || known.guest) continue;
      if (value === undefined) ledger.unsure(known);
      else ledger.ended(known, span);
    }
    // What is not confirmed has run all the same, and will not run again.
    if (value === undefined && !(error instanceof NotReplicatedError)) ledger.retire(user);
  }

  async #unblock(user: User): Promise<void> {
    const { ledger, calls } = this.#options;
    const { span, value, isRepeated } = await calls.make("unblockUser", (store) => store.unblockUser(user.id));
    if (value === undefined) return ledger.retire(user);
    if (!value && !isRepeated && user.block === "blocked") ledger.foundUnblocked(user);
    user.block = "none";
    user.blockChanged = span;
  }

  async #tryDead(user: User): Promise<void> {
    const { dice } = this.#options;
    if (user.dead.length === 0) return;
    // Those that died last are the likeliest to come back.
    const one = dice.chance(0.7) ? (user.dead.at(-1) as Known) : dice.pick(user.dead);
    const attempt = dice.pick(Object.keys(ATTEMPTS) as (keyof typeof ATTEMPTS)[]);
    await this.#look(attempt, one, (store) => ATTEMPTS[attempt](store, one));
  }
}

function registerOf(known: Known, claim: string): Register {
  const register = known.claims.get(claim) ?? new Register();
  known.claims.set(claim, register);
  return register;
}
