/** The driver for a client of one connection, and for a pool of such clients. */
import type { Arguments, ClientFinding, Connection, Reservation, ScriptText, ServerPort } from "../client.js";
import type { SubscriberSource } from "../hearing.js";
import { ownerOf, type Pool, type SingleClient, UNMAPPED, viewOf } from "./client.js";
import { nodeRedisFindings, untoldFindings } from "./findings.js";
import { holdLateWrites } from "./late-writes.js";
import { countLosses } from "./losses.js";
import { evaluateOn, NodeRedisPort, serverBy, shared } from "./port.js";
import { nodeRedisSource } from "./subscriber.js";

/** `createClient`. */
export class SinglePort extends NodeRedisPort<SingleClient> {
  readonly inCluster = false;
  readonly underSentinel = false;
  readonly connections = "one";
  readonly readsMayLag: boolean;

  constructor(client: SingleClient) {
    super(client, viewOf(client), (losses) => countLosses(client, losses));
    holdLateWrites(client);
    this.readsMayLag = client.clientSideCache !== undefined;
  }

  servers(): ServerPort[] {
    const { host, port } = this.client.options?.socket ?? {};
    const address = host === undefined || port === undefined ? undefined : `${host}:${port}`;
    return [serverBy(address, (command) => this.view.sendCommand(command, UNMAPPED))];
  }

  subscribers(): SubscriberSource {
    return nodeRedisSource(this.client, () => this.client);
  }

  async reserve(): Promise<Reservation> {
    return shared(connectionOf(this.client, this.keyPrefix));
  }

  findings(): ClientFinding[] {
    return [...nodeRedisFindings(this.client.options ?? {})];
  }
}

/** How long a pool may be closed before that is noticed, ms. */
const LOOK = 250;

/** `createClientPool`. */
export class PoolPort extends NodeRedisPort<Pool> {
  readonly inCluster = false;
  readonly underSentinel = false;
  readonly connections = "many";
  readonly readsMayLag: boolean;

  constructor(pool: Pool) {
    super(pool, viewOf(pool));
    this.readsMayLag = pool.clientSideCache !== undefined;
  }

  // A pool does not show its clients, so each of them is met when it has something to do.
  override evaluate(script: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown> {
    return this.client.execute((client) => {
      return connectionOf(client, this.keyPrefix).evaluate(script, keys, args, { known, asking: false });
    });
  }

  override get(key: string): Promise<string | null> {
    return this.client.execute((client) => {
      holdLateWrites(client);
      return viewOf(client).get(this.#inside(client, key));
    });
  }

  override getex(key: string, ms: number): Promise<string | null> {
    return this.client.execute((client) => {
      holdLateWrites(client);
      return viewOf(client).getEx(this.#inside(client, key), { type: "PX", value: ms });
    });
  }

  #inside(client: SingleClient, key: string): string {
    return client._keyPrefix === this.keyPrefix ? key : this.keyPrefix + key;
  }

  servers(): ServerPort[] {
    return [serverBy(undefined, (command) => this.view.sendCommand(command, UNMAPPED))];
  }

  subscribers(): SubscriberSource {
    return nodeRedisSource(this.client, () => this.client.execute(async (client) => client));
  }

  /** A pool has no events, so it is looked at. */
  override follow(ready: () => void, ended: () => void): () => void {
    let wasOpen = this.client.isOpen;
    const timer = setInterval(() => {
      const { isOpen } = this.client;
      if (isOpen === wasOpen) return;
      wasOpen = isOpen;
      if (isOpen) ready();
      else ended();
    }, LOOK);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Takes one client out of the pool, until the end of the reservation. */
  reserve(): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const task = (client: SingleClient) =>
        new Promise<void>((end) => resolve({ connection: connectionOf(client, this.keyPrefix), end }));
      this.client.execute(task).catch(reject);
    });
  }

  findings(): ClientFinding[] {
    return untoldFindings("pool");
  }
}

/** One for each client, whatever the number of its views, so that each of its events has one listener. */
const connections = new WeakMap<object, Connection>();

/**
 * The connection of a client that has one. `keyPrefix`: of the pool or cluster that it is a part of, which puts it before keys in
 * its place.
 */
export function connectionOf(client: SingleClient, keyPrefix: string): Connection {
  const owner = ownerOf(client);
  const known = connections.get(owner);
  if (known !== undefined) return known;
  holdLateWrites(client);
  const view = viewOf(client);
  const prefix = client._keyPrefix === keyPrefix ? "" : keyPrefix;
  let losses = 0;
  const lost = () => {
    losses++;
  };
  // It emits "reconnecting" when the connection is lost, and "ready" before it sends anything through the next one.
  client.on("reconnecting", lost);
  client.on("ready", lost);
  const connection: Connection = {
    get losses() {
      return losses;
    },
    async evaluate(script, names, args, { known, asking }) {
      const keys = prefix === "" ? names : names.map((name) => prefix + name);
      if (!asking) return evaluateOn(view, script, known, keys, args);
      // Nothing comes in between two commands that are sent at once.
      const [, reply] = await Promise.all([
        view.sendCommand(["ASKING"], UNMAPPED),
        evaluateOn(view, script, known, keys, args),
      ]);
      return reply;
    },
    wait: (count, timeout) => view.sendCommand(["WAIT", String(count), String(timeout)], UNMAPPED),
  };
  connections.set(owner, connection);
  return connection;
}
