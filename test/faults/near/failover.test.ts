/**
 * Another server takes the place of the master of a process with a near cache: under Sentinel, and where one of its two clients
 * has missed it. A lease that either server could prolong by an answer would never end there.
 */
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startSentinel } from "../../harness/redis-sentinel.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { FULL } from "../fault.js";
import { titleOf } from "../network/rig.js";
import { startProber } from "./prober-process.js";
import {
  CLIENTS,
  type NamedFault,
  type NearFault,
  nearFault,
  nearFaults,
  openNear,
  PATIENT,
  type Site,
  spread,
} from "./rig.js";
import { lead, openWays } from "./ways.js";

const DOWN_AFTER = 1500;
const REPLICAS = 2;

const setup = await startSentinel({ replicas: REPLICAS, downAfter: DOWN_AFTER });
afterFile(() => setup.close());
const prober = await startProber();

/**
 * The master fails. One session of each site is revoked before, on all replicas, and the others when a replica has become the
 * master. ioredis asks the Sentinels. A sentinel of node-redis is refused for near, so its clients are behind an address that
 * follows the master, as many hosts have it: it ends the connections to the old master when it leads to the new one.
 */
function masterFails(name: string, how: "kill" | "freeze"): void {
  nearFault(`Sentinel: master ${name}`, async () => {
    let master = await setup.currentMaster();
    let failed = master;
    let isWhole = true;
    const storeFor = (prefix: string) => (): SessionStore =>
      createSessionStore(master.admin, {
        ...{ prefix, timeout: PATIENT },
        ...(isWhole ? { replicas: { count: REPLICAS, timeout: PATIENT } } : {}),
      });
    const servers = `${setup.version}, master with ${REPLICAS} replicas and 3 Sentinels, down-after-milliseconds ${DOWN_AFTER}`;
    // As docs/operations.md recommends: without it a client waits for a master that is frozen.
    const connection = { ...setup.client, socketTimeout: 1000 };
    const [ioredis, ...others] = CLIENTS;
    const prefix = await openNear(prober, { client: ioredis.module, data: connection, subscriber: connection });
    const bySentinel: Site = {
      ...{ servers: titleOf(servers, ioredis.module), prober, prefix, store: storeFor(prefix) },
    };
    const behindAddress = await openWays(prober, { servers, port: master.port, storeFor }, others);
    const sites = [bySentinel, ...behindAddress];
    const fault: NearFault = {
      times: FULL ? 2 : 1,
      async prepare() {
        await setup.settle();
        isWhole = true;
        await master.admin.wait(REPLICAS, PATIENT);
      },
      begin: () => {},
      async during([first, ...others]) {
        const before = first?.() ?? Promise.resolve();
        await before;
        failed = master;
        if (how === "kill") await failed.kill();
        else failed.freeze();
        master = await setup.failedOver(failed);
        // Of its replicas one is gone.
        isWhole = false;
        const leading = behindAddress.flatMap(({ ways }) => Object.values(ways)).map((way) => lead(way, master.port));
        const acknowledgements = await spread(others, 1000);
        // A master that wakes up is one for a while; by then its clients have to have left it.
        await Promise.all(sites.map(({ prefix }) => prober.order({ kind: "serving", prefix })));
        await Promise.all(leading);
        return [before, ...acknowledgements];
      },
      async end() {
        if (how === "kill") await setup.rejoin(failed);
        else failed.thaw();
        // A Sentinel takes long to make a master that was woken a replica. Nothing is left to do meanwhile.
        if (FULL) await setup.settle();
      },
    };
    return [sites, fault];
  });
}

masterFails("killed", "kill");
masterFails("frozen", "freeze");

/** A replica becomes the master, the old master does not know, and one of the two clients of the process is connected to each. */
function missedBy(moved: "data" | "subscriber", name: string): NamedFault {
  const open = async () => {
    const old = await startRedisServer();
    afterFile(() => old.stop());
    const { host, port } = old;
    const replica = await startRedisServer({
      args: ["--replicaof", host, String(port), "--repl-diskless-sync-delay", "0"],
    });
    afterFile(() => replica.stop());
    const [onOld, onReplica] = [connect({ port }), connect({ port: replica.port })];
    let master = onOld;
    const storeFor = (prefix: string) => (): SessionStore => createSessionStore(master, { prefix, timeout: PATIENT });
    const sites = await openWays(prober, { servers: old.version, port, storeFor });
    const leadAll = (client: typeof moved) => Promise.all(sites.map(({ ways }) => lead(ways[client], replica.port)));
    const stays = moved === "data" ? "subscriber" : "data";
    const fault: NearFault = {
      times: 1,
      lasts: FULL ? 5000 : 2500,
      ...{ isDeaf: true, hasOldMaster: true },
      prepare: () => onOld.wait(1, PATIENT),
      async begin() {
        await onReplica.replicaof("NO", "ONE");
        master = onReplica;
        await leadAll(moved);
      },
      end: () => leadAll(stays),
    };
    return [sites, fault] as const;
  };
  return [name, open];
}

nearFaults([
  missedBy("data", "failover: data client on the new master, subscriber on the old one"),
  missedBy("subscriber", "failover: subscriber on the new master, data client on the old one"),
]);
