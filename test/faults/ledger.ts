/**
 * What contradicts what the clients of a running load know of their sessions: the checker of the faults. A call that ended
 * without an answer may have run, or may run yet. It calls nothing itself; load.ts does, and audit.ts reads what is left.
 */
import type { Session } from "../../src/index.js";
import { type Loss, type LossWindow, LossWindows } from "./loss-windows.js";
import { Counter } from "./memory.js";
import type { End, Known, Span, User } from "./user.js";

export interface LedgerOptions {
  /** How many dead sessions of a user are remembered. Default: 2000. */
  readonly remember?: number;
  /** How far the clocks of Redis and of this process may be apart, ms. Default: 1000. */
  readonly clockSlack?: number;
}

export class Ledger {
  readonly users: User[] = [];
  /** What broke a promise, a sentence each. */
  readonly broken: string[] = [];
  /** Excused contradictions and other figures, by what they are. */
  readonly further: Record<string, number> = {};
  readonly #windows = new LossWindows();
  readonly #remember: number;
  readonly #slack: number;

  constructor({ remember = 2000, clockSlack = 1000 }: LedgerOptions = {}) {
    this.#remember = remember;
    this.#slack = clockSlack;
  }

  addUser(id: string): User {
    const user: User = {
      id,
      sessions: new Map(),
      dead: [],
      ghosts: 0,
      block: "none",
      blockChanged: null,
      retired: false,
    };
    this.users.push(user);
    return user;
  }

  /** What is acknowledged from an instant on, by `performance.now()`, may be lost until the window is closed. */
  mayLose(kinds: readonly Loss[], from?: number): LossWindow {
    return this.#windows.open(kinds, from);
  }

  /** Whether what a call did may be gone. */
  isLosable(kind: Loss | "expiry", span: Span): boolean {
    return kind !== "expiry" && this.#windows.cover(kind, span);
  }

  /** Writes down what broke a promise. */
  accuse(promise: string, what: string): void {
    // A store that is wrong all along would fill the memory.
    if (this.broken.length < 100) this.broken.push(`${promise}: ${what}`);
  }

  tell(figure: string, times = 1): void {
    this.further[figure] = (this.further[figure] ?? 0) + times;
  }

  /** A session that its creator was given. */
  made(
    user: User,
    { token, session }: { readonly token: string; readonly session: Session },
    span: Span,
    how: { readonly by?: Known["bornBy"]; readonly from?: Known; readonly guest?: boolean; readonly idle: number },
  ): Known {
    const { by = "create", from, guest = false, idle } = how;
    const known: Known = {
      id: session.id,
      token,
      user,
      guest,
      born: span,
      bornBy: by,
      state: "live",
      died: null,
      n: from?.n ?? new Counter(),
      claims: from?.claims ?? new Map(),
      expires: { earliest: session.expiresAt, latest: session.expiresAt },
      idle,
    };
    user.sessions.set(known.id, known);
    this.#judgeClaims(known, session, span);
    return known;
  }

  /** A session is dead, and its user was told so. */
  ended(known: Known, span: Span, by: End = "revocation"): void {
    known.state = "dead";
    known.died = { ...span, by };
    known.user.sessions.delete(known.id);
    known.user.dead.push(known);
    if (known.user.dead.length > this.#remember) known.user.dead.shift();
  }

  /** A call was to end a session, or to put another in its place, and was not answered or not confirmed. */
  unsure(known: Known): void {
    if (known.state === "live") known.state = "unsure";
  }

  /** A call that concerns all of a user's sessions was not answered, and may run at any time. */
  retire(user: User): void {
    user.retired = true;
    for (const known of user.sessions.values()) this.unsure(known);
  }

  /** A user who was blocked is not. */
  foundUnblocked(user: User): void {
    if (user.blockChanged !== null && this.isLosable("revocation", user.blockChanged)) this.tell("blocks lost");
    else this.accuse("P1", `the block on ${user.id} was gone before it was lifted`);
    user.block = "unsure";
  }

  /** A user is blocked who is not to be. */
  foundBlocked(user: User): void {
    if (user.blockChanged !== null && this.isLosable("unblock", user.blockChanged)) this.tell("unblockings lost");
    else this.accuse("P8", `${user.id} is blocked, and was unblocked or never blocked`);
    user.block = "unsure";
  }

  /** A lookup or an update of a session was answered: with the session, or with `null`. */
  saw(known: Known, session: Session | null, span: Span, how = "a lookup"): void {
    if (session === null) this.#sawNothing(known, span, how);
    else this.#sawSession(known, session, span, how);
  }

  #sawNothing(known: Known, span: Span, how: string): void {
    if (known.state === "dead") return;
    if (this.#mayHaveExpired(known)) {
      this.ended(known, span, "expiry");
      return;
    }
    if (known.state !== "live") return;
    if (this.isLosable(known.bornBy, known.born)) {
      known.state = "lost";
      this.tell(known.bornBy === "create" ? "created sessions lost" : "rotations lost");
      return;
    }
    // A touch that was lost lets a session end too early; the user cannot tell that from a session that was taken away.
    this.accuse(
      "P8",
      `${how} of the live session ${known.id} of ${known.user.id} answered null${after(span, known.born)}`,
    );
    known.state = "unsure";
  }

  #sawSession(known: Known, session: Session, span: Span, how: string): void {
    const { died } = known;
    if (known.state === "dead" && died !== null) {
      if (span.begun <= died.ended) return;
      this.#rise(
        known,
        `${how} that began ${ms(span.begun - died.ended)} after the ${died.by} of ${known.id} found it`,
      );
    } else if (known.state === "lost") {
      if (!this.isLosable(known.bornBy, known.born)) this.accuse("P2", `${known.id} was lost and came back`);
      known.state = "unsure";
    }
    // What was found in time may be heard of late, in a process that is late itself; so it goes by when the call began.
    const begun = Date.now() - (performance.now() - span.begun);
    if (begun > known.expires.latest + this.#slack && session.expiresAt < begun - this.#slack) {
      this.accuse("P5", `${how} found ${known.id} ${ms(begun - known.expires.latest)} after its end`);
    }
    // Of one whose state is unsure, or that shares its claims with the one in its place, they say nothing.
    if (known.state === "live") this.#judgeClaims(known, session, span);
    // A touch without an answer may have moved the end, so it is what Redis says.
    const latest = Math.max(known.expires.latest, session.expiresAt);
    known.expires = { earliest: Math.min(session.expiresAt, latest), latest };
  }

  /** A dead session is there. */
  #rise(known: Known, what: string): void {
    const by = known.died?.by ?? "revocation";
    if (known.died !== null && this.isLosable(by, known.died)) {
      this.tell(by === "revocation" ? "acknowledged revocations that came back" : "rotations undone");
    } else this.accuse("P1", what);
    // Its user ends it again, so that it is counted once for each time that it comes back.
    const { user } = known;
    const at = user.dead.indexOf(known);
    if (at !== -1) user.dead.splice(at, 1);
    known.state = "unsure";
    user.sessions.set(known.id, known);
  }

  /** A session cannot have been touched any later than now. */
  touching(known: Known): void {
    known.expires = { ...known.expires, latest: Math.max(known.expires.latest, Date.now() + this.#slack + known.idle) };
  }

  #mayHaveExpired({ expires }: Known): boolean {
    return Date.now() > expires.earliest - this.#slack;
  }

  #judgeClaims(known: Known, session: Session, span: Span): void {
    if (known.token === null || known.user.retired) return;
    const isLosable = (write: Span) => this.isLosable("update", write);
    const memories = [["n", known.n] as const, ...known.claims];
    for (const [name, memory] of memories) {
      const { lost, wrong } = memory.judge((session.claims as Record<string, unknown>)[name], span, isLosable);
      if (lost !== 0) this.tell("updates lost", lost);
      if (wrong !== null) this.accuse("P3", `claim ${name} of ${known.id} ${wrong}`);
    }
  }

  /** A user was told of all their sessions. */
  listed(user: User, sessions: readonly Session[], span: Span): void {
    const byId = new Map(sessions.map((session) => [session.id, session]));
    for (const known of [...user.sessions.values(), ...user.dead]) {
      if (known.guest) continue;
      const session = byId.get(known.id);
      byId.delete(known.id);
      if (session !== undefined) this.saw(known, session, span, "a list");
      else if (known.state === "live" && !user.retired && !this.#mayHaveExpired(known)) {
        if (this.isLosable(known.bornBy, known.born)) this.saw(known, null, span, "a list");
        else this.accuse("P4", `the list of ${user.id} lacks the live session ${known.id}`);
      }
    }
    // What is left was made by calls that were never answered.
    for (const session of byId.values()) this.#meet(user, session, span);
  }

  #meet(user: User, session: Session, span: Span): void {
    if (user.ghosts === 0) {
      // One that is remembered no more would look like a stranger, too.
      if (user.dead.length < this.#remember) {
        this.accuse("P2", `the list of ${user.id} names ${session.id}, which nobody made`);
      }
      return;
    }
    user.ghosts--;
    this.tell("sessions made by a call without an answer");
    const { id, expiresAt } = session;
    user.sessions.set(id, {
      ...{ id, token: null, user, guest: false, born: span, bornBy: "create", state: "unsure", died: null },
      ...{ n: new Counter(), claims: new Map(), expires: { earliest: expiresAt, latest: expiresAt }, idle: 0 },
    });
  }

  /** A call that concerns all of a user's sessions, but one, says how many it met. */
  counted(user: User, what: string, count: number, spared?: Known): void {
    if (user.retired) return;
    const others = [...user.sessions.values()].filter((known) => known !== spared && !known.guest);
    const isSure = (known: Known) =>
      known.state === "live" && !this.#mayHaveExpired(known) && !this.isLosable(known.bornBy, known.born);
    const risen = user.dead.filter(({ died }) => died !== null && this.isLosable(died.by, died)).length;
    const [least, most] = [others.filter(isSure).length, others.length + user.ghosts + risen];
    if (count < least) this.accuse("P4", `${what} of ${user.id} met ${count} sessions, and ${least} were live`);
    if (count > most) this.accuse("P2", `${what} of ${user.id} met ${count} sessions, and at most ${most} were live`);
  }
}

function after(span: Span, earlier: Span): string {
  return `, ${ms(span.begun - earlier.ended)} after it was made`;
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`;
}
