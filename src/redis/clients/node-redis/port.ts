/** The driver for node-redis: what clients, pools, clusters and sentinels have in common. Each has a file of its own. */
import { PROOF } from "../../call-number.js";
import type {
  Arguments,
  ClientFinding,
  ClientPort,
  Connection,
  LossTally,
  Reservation,
  ScriptText,
  ServerPort,
} from "../client.js";
import type { SubscriberSource } from "../hearing.js";
import { listen } from "../listening.js";
import { type Commands, callOf } from "./client.js";
import { type Losses, lossesOf } from "./losses.js";
import { isLost } from "./lost.js";

export abstract class NodeRedisPort<Client extends Commands> implements ClientPort {
  abstract readonly inCluster: boolean;
  abstract readonly underSentinel: boolean;
  abstract readonly connections: "one" | "many";
  abstract readonly readsMayLag: boolean;
  readonly keyPrefix: string;
  /** node-redis gathers commands by itself. */
  readonly stream = undefined;
  /** The client as the application has it, for its state and its events. */
  protected readonly client: Client;
  /** The client for commands. */
  protected readonly view: Client;
  protected readonly counted: Losses;

  /** `count`: adds the listeners that count losses, once for each client. */
  constructor(client: Client, view: Client, count: (losses: Losses) => void = () => {}) {
    this.client = client;
    this.view = view;
    this.counted = lossesOf(client, count);
    this.keyPrefix = client._keyPrefix ?? "";
  }

  get isReady(): boolean {
    return true;
  }

  get tally(): LossTally {
    return this.counted;
  }

  /** node-redis sends nothing again, so what is lost counts when the caller is about to do that. */
  countLoss(error: unknown): boolean {
    const lost = this.isLost(error);
    if (lost) this.counted.losses++;
    return lost;
  }

  /** Whether a command was lost with its connection. */
  protected isLost(error: unknown): boolean {
    return isLost(error);
  }

  evaluate(script: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown> {
    return evaluateOn(this.view, script, known, keys, args);
  }

  get(key: string): Promise<string | null> {
    return this.view.get(key);
  }

  getex(key: string, ms: number): Promise<string | null> {
    return this.view.getEx(key, { type: "PX", value: ms });
  }

  masterOf(_slot: number): string | undefined {
    return undefined;
  }

  follow(ready: () => void, ended: () => void): () => void {
    return this.followBy({ ready: "ready", end: "end" }, ready, ended);
  }

  protected followBy(names: { ready: string; end: string }, ready: () => void, ended: () => void): () => void {
    const { client } = this;
    const unlisten = [
      listen(client, names.ready, ready),
      listen(client, names.end, ended),
      // One whose `reconnectStrategy` has given up tells of nothing else.
      listen(client, "error", () => void (client.isOpen === false && ended())),
    ];
    return () => unlisten.forEach((stop) => void stop());
  }

  get channelPrefix(): string {
    return this.keyPrefix;
  }

  abstract subscribers(): SubscriberSource;
  abstract servers(role: "master" | "all"): ServerPort[];
  abstract reserve(address: string): Promise<Reservation | undefined>;
  abstract findings(): ClientFinding[];
}

/** Runs a script on a client of node-redis, whatever its kind. */
export function evaluateOn(
  client: Commands,
  { sha, source }: ScriptText,
  known: boolean,
  keys: readonly string[],
  args: Arguments,
): Promise<unknown> {
  return known ? client.evalSha(sha, callOf(keys, args)) : client.eval(source, callOf(keys, args));
}

/** A server that is asked by raw commands, whose replies are not transformed. */
export function serverBy(
  address: string | undefined,
  send: (command: readonly string[]) => Promise<unknown>,
): ServerPort {
  return {
    address,
    info: () => send(["INFO"]),
    time: () => send(["TIME"]),
    configOf: (parameter) => send(["CONFIG", "GET", parameter]),
    cluster: (subcommand) => send(["CLUSTER", subcommand]),
    scan: (cursor, pattern, about) => send(["SCAN", cursor, "MATCH", pattern, "COUNT", String(about)]),
    prove: (number) => send(["EVAL", PROOF.source, "0", number]),
    trials: {
      evaluate: ({ source, sha }, known, args) =>
        send(known ? ["EVALSHA", sha, "0", ...args] : ["EVAL", source, "0", ...args]),
      confirm: () => send(["WAIT", "0", "1"]),
    },
  };
}

/** Nothing to give back: the connection is shared. */
export function shared(connection: Connection): Reservation {
  return { connection, end: () => {} };
}
