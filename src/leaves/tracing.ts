/**
 * The tracing channel `coatcheck:call` of `node:diagnostics_channel`: which verb was called, and what came of it. A leaf: it knows
 * the names of verbs, and neither what they do nor what they are given.
 *
 * It traces a promise of the outcome, never that of the verb: Node publishes what a traced promise resolves to, and that of
 * `create` and `rotate` holds a token. An error is told by its name and code, because its message or its issues may hold what
 * the caller has passed in.
 */
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { isSessionError } from "./errors.js";

/**
 * What a verb came to. `"absent"`: it resolved to `null` or `false`, so that there was no such live session, token or block. A
 * number and a list are `"ok"`, whatever they hold.
 */
export type CallOutcome = "ok" | "absent" | "error";

/** The class of an error. */
export interface CallFailure {
  /** Of an error of coatcheck, of a `TypeError` and of a `RangeError` its name; of all others `"Error"`. */
  readonly name: string;
  /** `null` if the error is none of coatcheck's. */
  readonly code: string | null;
}

/** A message of the channel `coatcheck:call`. The same object for all messages of one call, so a subscriber may key a map by it. */
export interface TracedCall {
  /** Whose verb it is: of a session store, or of one-time tokens. */
  readonly of: "sessions" | "one-time";
  /** The name of the verb, such as `"touch"`. */
  readonly verb: string;
  /** When it was called, by `performance.now()`, ms. */
  readonly startedAt: number;
  /** Set by Node when the call has ended, so in `asyncStart` and `asyncEnd`. */
  result?: CallOutcome;
  /** Why it was rejected, if the result is `"error"`. */
  failure?: CallFailure;
}

/** What else is told of the calls that reject. */
export interface Failures {
  /** Whether anybody listens: asked at each call, so it must be cheap. */
  isHeard(): boolean;
  tell(verb: string, error: unknown): void;
}

type Verb = (first: never, second: never) => Promise<unknown>;

const calls: TracingChannel<unknown, TracedCall> = tracingChannel<unknown, TracedCall>("coatcheck:call");

/** Whose verbs are traced, and what else is told of those that reject. */
export interface Traces {
  readonly of: TracedCall["of"];
  readonly failures?: Failures;
  /** Whether a verb has come to `"absent"`. Default: if it resolved to `null` or `false`. */
  readonly isAbsent?: (value: unknown) => boolean;
}

/**
 * The same verbs, traced. If nobody listens, a call costs one look at the channel and makes no promise, closure or object of
 * its own. A verb takes at most two arguments: more are not passed on.
 */
export function traced<Verbs extends { readonly [Name in keyof Verbs]: Verb }>(
  { of, failures = NOBODY, isAbsent = isNothing }: Traces,
  verbs: Verbs,
): Verbs {
  const traces = { of, failures, isAbsent };
  const pairs = Object.entries<Verb>(verbs).map(([name, verb]) => [name, tracedVerb(name, verb, traces)]);
  return Object.fromEntries(pairs) as Verbs;
}

const NOBODY: Failures = { isHeard: () => false, tell: () => {} };

function tracedVerb(name: string, verb: Verb, traces: Required<Traces>): Verb {
  const { of, failures } = traces;
  return (first, second) => {
    if (calls.hasSubscribers) {
      return trace({ of, verb: name, startedAt: performance.now() }, traces, verb, first, second);
    }
    return failures.isHeard() ? tellFailure(name, failures, verb(first, second)) : verb(first, second);
  };
}

function tellFailure(name: string, failures: Failures, answer: Promise<unknown>): Promise<unknown> {
  return answer.catch((error) => {
    failures.tell(name, error);
    throw error;
  });
}

/** Not a part of `tracedVerb`, where its closures would cost every call an object that holds the arguments. */
function trace(
  call: TracedCall,
  { failures, isAbsent }: Required<Traces>,
  verb: Verb,
  first: never,
  second: never,
): Promise<unknown> {
  let answer: () => unknown;
  const succeed = (value: unknown): CallOutcome => {
    answer = () => value;
    return isAbsent(value) ? "absent" : "ok";
  };
  const fail = (error: unknown): CallOutcome => {
    answer = () => {
      throw error;
    };
    call.failure = failureOf(error);
    failures.tell(call.verb, error);
    return "error";
  };
  const told = calls.tracePromise(() => {
    try {
      return verb(first, second).then(succeed, fail);
    } catch (error) {
      // Node would publish the error itself.
      return Promise.resolve(fail(error));
    }
  }, call);
  // The caller goes on when the call has been told, and a rejection that nobody handles is still reported as one.
  return told.then(() => answer());
}

function failureOf(error: unknown): CallFailure {
  if (isSessionError(error)) return { name: error.name, code: error.code };
  const { name } = [TypeError, RangeError].find((kind) => error instanceof kind) ?? Error;
  return { name, code: null };
}

function isNothing(value: unknown): boolean {
  return value === null || value === false;
}
