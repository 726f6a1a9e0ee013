/**
 * The one door to Redis. It runs scripts within a deadline, and turns whatever goes wrong into the errors of coatcheck.
 * It knows what a script is, but not what any script does.
 */
import { Deadline } from "./deadline.js";
import { CorruptRecordError, NotReplicatedError, StoreUnavailableError } from "./errors.js";
import { type Connections, tallyLosses } from "./losses.js";
import type { Script } from "./scripts/scripts.js";

/**
 * What the store needs of a Redis client: the part that ioredis 5 and 6 (`Redis` and `Cluster`), iovalkey and
 * ioredis-mock have in common. Structural, so that two copies or versions of ioredis do not clash.
 */
export interface RedisClient extends Connections {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(source: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  /** Used with the `replicas` option: a script and its `WAIT` must travel on one connection. */
  pipeline(): RedisPipeline;
  /** Used by `check` alone, as is what follows. */
  info(): Promise<string>;
  config(operation: "GET", parameter: string): Promise<unknown>;
  time(): Promise<(string | number)[]>;
  /** A Cluster has this. */
  nodes?(role: "master" | "all"): RedisClient[];
  readonly options?: object;
}

/** What the store needs of a client's pipeline. */
export interface RedisPipeline {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): unknown;
  eval(source: string, keys: number, ...args: (string | number)[]): unknown;
  wait(replicas: number, timeout: number): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** How many replicas must confirm a revocation, and for how long to wait for them. */
export interface ReplicaOptions {
  /** At least this many replicas. */
  readonly count: number;
  /** How long to wait for them, ms. The connection is held meanwhile: commands behind it wait too. */
  readonly timeout: number;
}

/** What a revocation came to. */
export interface Revocation {
  /** What the script replied. */
  readonly result: unknown;
  /** The error to end with, when too few replicas confirmed in time. The revocation itself has taken effect. */
  readonly shortfall: NotReplicatedError | null;
}

/** What a server says of itself. */
export interface ServerFacts {
  /** `INFO`, by field. */
  readonly info: Readonly<Record<string, string>>;
  /** `CONFIG GET`, by parameter; without what the server does not know or forbids to ask. */
  readonly config: Readonly<Record<string, string>>;
  /** How far its clock is ahead of this process's, ms. */
  readonly clockAhead: number;
}

type Arguments = readonly (string | number)[];

/** Runs scripts on one client. */
export class Redis {
  readonly #client: RedisClient;
  readonly #tally: { readonly losses: number };
  readonly #timeout: number;
  readonly #replicas: ReplicaOptions | undefined;

  constructor(client: RedisClient, timeout: number, replicas?: ReplicaOptions) {
    this.#client = client;
    this.#tally = tallyLosses(client);
    this.#timeout = timeout;
    this.#replicas = replicas;
  }

  /** The deadline of a call that begins now, for verbs of more than one round trip. */
  deadline(): Deadline {
    return new Deadline(this.#timeout);
  }

  /** How many connections the client has lost. Where this grows during a call, its script may have run twice. */
  get losses(): number {
    return this.#tally.losses;
  }

  /** Runs a script: one round trip, two when Redis does not know the script yet. */
  run(script: Script, keys: readonly string[], args: Arguments, deadline?: Deadline): Promise<unknown> {
    const client = this.#client;
    return this.#settle(client.evalsha(script.sha, keys.length, ...keys, ...args), keys, deadline, (error) =>
      // Redis forgets scripts when it restarts, fails over or is told to; EVAL teaches it again.
      isReply(error, "NOSCRIPT") ? client.eval(script.source, keys.length, ...keys, ...args) : undefined,
    );
  }

  /**
   * Runs a script that revokes, and where the `replicas` option asks for it, waits in the same round trip until enough
   * replicas have all that this connection has written.
   */
  async runRevocation(script: Script, keys: readonly string[], args: Arguments): Promise<Revocation> {
    const replicas = this.#replicas;
    if (replicas === undefined) return { result: await this.run(script, keys, args), shortfall: null };
    // The replicas get their own time, on top of Redis's.
    const deadline = new Deadline(this.#timeout + replicas.timeout);
    const [result, confirmed] = await this.#settle(this.#evaluateAndWait(script, keys, args, replicas), keys, deadline);
    return { result, shortfall: confirmed < replicas.count ? new NotReplicatedError(confirmed, replicas.count) : null };
  }

  /** Asks every master for what `check` judges. */
  inspect(): Promise<ServerFacts[]> {
    const nodes = this.#client.nodes?.("master") ?? [this.#client];
    return this.#settle(Promise.all(nodes.map(inspectNode)), []);
  }

  /** The options that the client was made with, as far as it shows them. */
  get clientOptions(): Record<string, unknown> {
    return { ...this.#client.options };
  }

  async #evaluateAndWait(
    script: Script,
    keys: readonly string[],
    args: Arguments,
    { count, timeout }: ReplicaOptions,
  ): Promise<[result: unknown, confirmed: number]> {
    for (const first of [true, false]) {
      // WAIT speaks of the writes of its own connection: only a pipeline is sure to use the same for both.
      const pipeline = this.#client.pipeline();
      if (first) pipeline.evalsha(script.sha, keys.length, ...keys, ...args);
      else pipeline.eval(script.source, keys.length, ...keys, ...args);
      pipeline.wait(count, timeout);
      const [run, wait] = (await pipeline.exec()) ?? [];
      if (run === undefined || wait === undefined) throw new Error("The pipeline was not executed");
      if (first && isReply(run[0], "NOSCRIPT")) continue;
      const error = run[0] ?? wait[0];
      if (error !== null) throw error;
      return [run[1], Number(wait[1])];
    }
    throw new Error("unreachable: EVAL cannot answer NOSCRIPT");
  }

  /** Lets a command settle within the deadline. `retry` may answer an error with a second command. */
  #settle<T>(
    pending: Promise<T>,
    keys: readonly string[],
    deadline?: Deadline,
    retry?: (error: unknown) => Promise<T> | undefined,
  ): Promise<T> {
    const timeout = deadline?.left ?? this.#timeout;
    // Every lookup passes here: one promise and two callbacks, where `async` functions would add one of each per layer.
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(lateError(this.#timeout)), timeout);
      const succeed = (value: T) => {
        clearTimeout(timer);
        resolve(value);
      };
      const fail = (error: unknown) => {
        clearTimeout(timer);
        reject(translate(error, keys, this.clientOptions["keyPrefix"]));
      };
      pending.then(succeed, (error: unknown) => {
        const again = retry?.(error);
        if (again === undefined) fail(error);
        else again.then(succeed, fail);
      });
    });
  }
}

async function inspectNode(node: RedisClient): Promise<ServerFacts> {
  const before = Date.now();
  const [[seconds, micros], info, ...values] = await Promise.all([
    node.time(),
    node.info(),
    ...["save", "appendfsync", "hash-max-listpack-value"].map((name) => configOf(node, name)),
  ]);
  // The first reply came no later than half of what all of them took.
  const clockAhead = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - (before + Date.now()) / 2;
  const fields = info.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(":");
    return line.startsWith("#") || colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  return { info: Object.fromEntries(fields), config: Object.assign({}, ...values), clockAhead: Math.round(clockAhead) };
}

/** `CONFIG GET`, which hosted servers often forbid, and ioredis 6 answers with an object where 5 has an array. */
async function configOf(node: RedisClient, parameter: string): Promise<Record<string, string>> {
  try {
    const reply = await node.config("GET", parameter);
    const value = Array.isArray(reply) ? reply[1] : (reply as Record<string, unknown> | null)?.[parameter];
    return value === undefined ? {} : { [parameter]: String(value) };
  } catch (error) {
    if (isReply(error, "NOPERM") || isReply(error, "ERR unknown command")) return {};
    throw error;
  }
}

function lateError(timeout: number): StoreUnavailableError {
  return new StoreUnavailableError(`Redis did not answer within ${timeout} ms; the command may still run, or have run`);
}

/** Every failure of a command as an error of coatcheck. */
function translate(error: unknown, [first]: readonly string[], keyPrefix: unknown): Error {
  const cause = withoutCommand(error);
  if (!isReply(error, "WRONGTYPE") || first === undefined) {
    // Frameworks may show this message to a client, so the details stay in the cause (ASVS 5.0, 16.5.1).
    const [code] = /^[A-Z]+(?= )/.exec(cause.message) ?? [];
    return new StoreUnavailableError(code ? `Redis cannot serve (${code})` : "Redis cannot be reached", cause);
  }
  // A script of several keys says which one it is, in full: with the prefix that the client puts before all keys.
  const [, named] = /^WRONGTYPE of the key (.*?)(?: script: [0-9a-f]{40}, on \S+)?$/s.exec(cause.message) ?? [];
  if (named === undefined) return new CorruptRecordError(first, cause);
  const isPrefixed = typeof keyPrefix === "string" && named.startsWith(keyPrefix);
  return new CorruptRecordError(isPrefixed ? named.slice(keyPrefix.length) : named, cause);
}

function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code);
}

/** ioredis hangs the whole command on its errors, arguments and all: claims would end up in logs. */
function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const clean = new Error(error.message);
  clean.name = error.name;
  if (error.stack !== undefined) clean.stack = error.stack;
  return clean;
}
