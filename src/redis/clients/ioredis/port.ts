/** The driver for ioredis, iovalkey and ioredis-mock. It knows how these name things, and nothing of sessions. */
import { PROOF } from "../../call-number.js";
import type {
  Arguments,
  ClientFinding,
  ClientPort,
  Connection,
  Reservation,
  ScriptText,
  ServerPort,
  Trials,
} from "../client.js";
import type { SubscriberSource } from "../hearing.js";
import { listen } from "../listening.js";
import { type IoredisClient, optionsOf } from "./client.js";
import { ioredisFindings } from "./findings.js";
import { tallyLosses } from "./losses.js";
import { addressOf, keyPrefixOf, keysOn, nodeAt } from "./nodes.js";
import { replyOf } from "./pipeline.js";
import { ioredisSource, isMock } from "./subscriber.js";

export class IoredisPort implements ClientPort {
  readonly keyPrefix: string;
  readonly inCluster: boolean;
  readonly underSentinel: boolean;
  readonly connections = "one";
  readonly readsMayLag: boolean;
  readonly tally: ReturnType<typeof tallyLosses>;
  readonly getex?: (key: string, ms: number) => Promise<string | null>;
  readonly #client: IoredisClient;
  /** Whether each script gets a pipeline of its own. */
  readonly #alone: boolean;
  readonly #connections = new WeakMap<IoredisClient, Connection>();

  constructor(client: IoredisClient) {
    this.#client = client;
    this.inCluster = client.nodes !== undefined;
    this.keyPrefix = keyPrefixOf(client);
    const { sentinels, enableAutoPipelining, scaleReads = "master" } = optionsOf(client);
    this.underSentinel = Array.isArray(sentinels);
    // A Cluster may be set to send reading commands to replicas.
    this.readsMayLag = this.inCluster && scaleReads !== "master";
    // ioredis does not repeat a pipeline that it has filled by itself if one of its commands meets a slot that has moved.
    this.#alone = this.inCluster && enableAutoPipelining === true;
    this.tally = tallyLosses(client);
    const { getex } = client;
    if (getex !== undefined) this.getex = (key, ms) => getex.call(client, key, "PX", ms);
  }

  get stream(): IoredisClient["stream"] {
    return this.#client.stream;
  }

  get isReady(): boolean {
    return this.#client.status === "ready";
  }

  countLoss(): boolean {
    return false;
  }

  evaluate({ source, sha }: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown> {
    if (this.#alone) {
      const pipeline = this.#client.pipeline();
      if (known) pipeline.evalsha(sha, keys.length, ...keys, ...args);
      else pipeline.eval(source, keys.length, ...keys, ...args);
      return replyOf(pipeline);
    }
    return known
      ? this.#client.evalsha(sha, keys.length, ...keys, ...args)
      : this.#client.eval(source, keys.length, ...keys, ...args);
  }

  get(key: string): Promise<string | null> {
    return this.#client.get(key);
  }

  masterOf(slot: number): string | undefined {
    return this.#client.slots?.[slot]?.[0];
  }

  servers(role: "master" | "all"): ServerPort[] {
    const client = this.#client;
    if (client.nodes === undefined) return [serverOf(client)];
    const masters = client.nodes("master");
    return (role === "master" ? masters : [...new Set([...masters, ...client.nodes("all")])]).map(serverOf);
  }

  async reserve(address: string): Promise<Reservation | undefined> {
    const node = this.inCluster ? nodeAt(this.#client, address) : this.#client;
    return node === undefined ? undefined : { connection: this.#connectionOf(node), end: () => {} };
  }

  follow(ready: () => void, ended: () => void): () => void {
    const unlisten = [listen(this.#client, "ready", ready), listen(this.#client, "end", ended)];
    return () => unlisten.forEach((stop) => void stop());
  }

  /** The scripts of ioredis-mock do not see the prefix. */
  get channelPrefix(): string {
    return isMock(this.#client) ? "" : this.keyPrefix;
  }

  subscribers(): SubscriberSource {
    return ioredisSource(this.#client);
  }

  findings(): ClientFinding[] {
    return [...ioredisFindings(optionsOf(this.#client))];
  }

  #connectionOf(node: IoredisClient): Connection {
    const known = this.#connections.get(node);
    if (known !== undefined) return known;
    const tally = tallyLosses(node);
    const connection: Connection = {
      get losses() {
        return tally.losses;
      },
      // By a pipeline, because pipelines arrive in the order in which they are sent.
      evaluate: ({ source, sha }, keys, args, { known, asking }) => {
        const pipeline = node.pipeline();
        if (asking) pipeline.asking?.();
        const named = keysOn(node, this.#client, keys);
        if (known) pipeline.evalsha(sha, named.length, ...named, ...args);
        else pipeline.eval(source, named.length, ...named, ...args);
        return replyOf(pipeline);
      },
      wait(count, timeout) {
        const pipeline = node.pipeline();
        pipeline.wait(count, timeout);
        return replyOf(pipeline);
      },
    };
    this.#connections.set(node, connection);
    return connection;
  }
}

function serverOf(node: IoredisClient): ServerPort {
  return {
    address: addressOf(node),
    info: () => node.info(),
    time: () => node.time(),
    configOf: (parameter) => node.config("GET", parameter),
    cluster: async (subcommand) => node.cluster?.(subcommand),
    scan: (cursor, pattern, about) => node.scan(cursor, "MATCH", pattern, "COUNT", about),
    prove: (number) => node.eval(PROOF.source, 0, number),
    ...(isMock(node) ? {} : { trials: trialsOn(node) }),
  };
}

function trialsOn(node: IoredisClient): Trials {
  return {
    evaluate: ({ source, sha }, known, args) => (known ? node.evalsha(sha, 0, ...args) : node.eval(source, 0, ...args)),
    confirm() {
      const pipeline = node.pipeline();
      pipeline.wait(0, 1);
      return replyOf(pipeline);
    },
  };
}
