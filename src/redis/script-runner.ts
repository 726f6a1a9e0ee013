/**
 * Runs scripts on one client, each within a deadline, and follows the keys that a Cluster has moved. It knows what a script is,
 * but not what any script does.
 */

import { type Backlog, backlogOf } from "./calls/backlog.js";
import { type Corkable, Corking } from "./calls/corking.js";
import { Deadline } from "./calls/deadline.js";
import { Wait, WaitingLine, waitAlone } from "./calls/waiting.js";
import type { Arguments, ClientPort } from "./clients/client.js";
import { isNotYet, isPassing } from "./cluster/redirection.js";
import { MARK_AFTERLIFE } from "./marks.js";
import { isErrorReply, isReply, lateError, refusedError, translate } from "./redis-errors.js";
import { type Script, sentWith } from "./script.js";

/** What to send again, and after how many ms. */
interface Again<Reply> {
  readonly after: number;
  readonly send: () => Promise<Reply>;
}

/** Decides what to send again when a command has failed that `send` sends; `undefined` if the failure is the answer. */
type Retry<Reply> = (error: unknown, send: () => Promise<Reply>) => Again<Reply> | undefined;

/** How long to wait before a command is sent again whose error passes by itself, ms. */
export const PAUSE = 25;

/** The same for a server that is not ready yet, ms: it takes longer than a slot that moves, and must not be kept from it. */
export const NOT_YET_PAUSE = 100;

/** Runs scripts on one client. */
export class ScriptRunner {
  protected readonly client: ClientPort;
  protected readonly backlog: Backlog;
  readonly #corking = new Corking();
  protected readonly timeout: number;
  readonly #line: WaitingLine;

  constructor(client: ClientPort, timeout: number) {
    this.client = client;
    this.backlog = backlogOf(client);
    this.timeout = timeout;
    this.#line = new WaitingLine(timeout);
  }

  /** The deadline of a call that begins now, for verbs with several round trips. */
  deadline(): Deadline {
    return new Deadline(this.timeout);
  }

  /** How long a script keeps its mark (see marks.ts), ms. */
  get markLife(): number {
    return this.timeout + MARK_AFTERLIFE;
  }

  /** How many connections the client has lost. If this grows during a call, its script may have run twice. */
  get losses(): number {
    return this.client.tally.losses;
  }

  /**
   * Whether a script may have run twice since `losses`, and without a mark, because a node that its slot is leaving keeps none.
   * Then its first run may be the reason why there is no such session.
   */
  isUnsure(losses: number): boolean {
    return this.inCluster && this.losses !== losses;
  }

  /** Whether the client is one for a Cluster. */
  get inCluster(): boolean {
    return this.client.inCluster;
  }

  /** Runs a script: one round trip, two when Redis does not know the script yet. */
  run<Reply>(script: Script<Reply>, keys: readonly string[], args: Arguments, deadline?: Deadline): Promise<Reply> {
    return new Promise((resolve, reject) => this.runBy(script, keys, args, resolve, reject, deadline));
  }

  /** The same by callback. */
  runBy<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: Arguments,
    resolve: (reply: Reply) => void,
    reject: (error: Error) => void,
    deadline?: Deadline,
  ): void {
    let known = true;
    const sent = sentWith(script, args);
    const send = () => {
      this.gather();
      return this.client.evaluate(script, known, keys, sent);
    };
    const decode = (reply: unknown) => script.decode(reply, keys, sent);
    this.attempt(send, decode, keys, resolve, reject, deadline, (error) => {
      if (known && isReply(error, "NOSCRIPT")) {
        // Redis forgets scripts when it restarts, fails over or is told to; EVAL teaches it again.
        known = false;
        return { after: 0, send };
      }
      return this.retryIfSafe(error, send);
    });
  }

  /**
   * For `retry`: sends a command again that failed because its slot of a Cluster is moving, or because the server is not ready
   * yet, or that was lost with its connection. That is safe: every script may run twice, and what only reads too.
   */
  protected readonly retryIfSafe = <Reply>(error: unknown, send: () => Promise<Reply>): Again<Reply> | undefined => {
    if ((this.inCluster && isPassing(error)) || this.client.countLoss(error)) return { after: PAUSE, send };
    return isNotYet(error) ? { after: NOT_YET_PAUSE, send } : undefined;
  };

  /**
   * Call it before a command is sent: the command shares a write with others that are sent now. It goes at once if no other is
   * under way.
   */
  protected gather(): void {
    const { stream } = this.client;
    if (stream?.cork !== undefined && !this.#line.isEmpty) this.#corking.gather(stream as Corkable);
  }

  /**
   * Sends a command, and resolves to the decoded reply, within the deadline. After an error, also one of `decode`, `retry` may
   * give a second command.
   */
  protected settle<Reply, T>(
    send: () => Promise<Reply>,
    decode: (reply: Reply) => T,
    keys: readonly string[],
    deadline?: Deadline,
    retry?: Retry<Reply>,
  ): Promise<T> {
    return new Promise((resolve, reject) => this.attempt(send, decode, keys, resolve, reject, deadline, retry));
  }

  /**
   * The same by callback: exactly one of the two is called, once. Every lookup passes here, and `async` functions would add a
   * promise in each layer. What a callback throws is not caught.
   */
  protected attempt<Reply, T>(
    send: () => Promise<Reply>,
    decode: (reply: Reply) => T,
    keys: readonly string[],
    resolve: (value: T) => void,
    reject: (error: Error) => void,
    deadline?: Deadline,
    retry?: Retry<Reply>,
  ): void {
    const [key] = keys;
    if (!this.backlog.admits(key)) {
      // On a later turn of the event loop: otherwise a caller that tries again at once would never let an answer in.
      setImmediate(reject, refusedError());
      return;
    }
    const pending = send();
    let endLate: (() => void) | undefined;
    let last: unknown;
    const giveUp = () => {
      endLate = this.backlog.add(key);
      this.client.missed?.(this.backlog.serverOf(key));
      reject(lateError(this.timeout, last ?? this.client.tally.trouble));
    };
    const wait = deadline === undefined ? this.#line.begin(giveUp) : waitAlone(deadline.left, giveUp);
    const stop = () => (wait instanceof Wait ? this.#line.end(wait) : wait());
    const succeed = (reply: Reply) => {
      if (endLate !== undefined) return endLate();
      let value: T;
      try {
        value = decode(reply);
      } catch (error) {
        return failed(error);
      }
      stop();
      this.backlog.answered(key);
      resolve(value);
    };
    const fail = (error: unknown) => {
      if (endLate !== undefined) return endLate();
      stop();
      reject(translate(error, keys, this.client.keyPrefix));
    };
    const failed = (error: unknown) => {
      last = error;
      const again = retry?.(error, send);
      if (again === undefined) return fail(error);
      const left = wait instanceof Wait ? wait.due - performance.now() : (deadline?.left ?? 0);
      // What Redis has answered says more than that the time is up.
      if (again.after > 0 && again.after >= left && isErrorReply(error)) return fail(error);
      const repeat = () => again.send().then(succeed, failed);
      if (again.after === 0) repeat();
      // A command that only tries again is not sent after the deadline.
      else setTimeout(() => (endLate === undefined ? repeat() : endLate()), again.after);
    };
    pending.then(succeed, failed);
  }
}
