/**
 * Another server takes the place of the master of a process with a near cache: under Sentinel, and where one of its two clients
 * has missed it. A lease that either server could prolong by an answer would never end there.
 */
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { type SentinelNode, startSentinel } from "../../harness/redis-sentinel.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { FULL } from "../fault.js";
import { titleOf } from "../network/rig.js";
import { startProber } from "./prober-process.js";
import { type NearFault, nearFault, openNear, PATIENT, type Site, spread } from "./rig.js";

const DOWN_AFTER = 1500;
const REPLICAS = 2;

const setup = await startSentinel({ replicas: REPLICAS, downAfter: DOWN_AFTER });
afterFile(() => setup.close());
const prober = await startProber();

/** The master fails. One session is revoked before, on all replicas, and the others when a replica has become the master. */
function masterFails(name: string, how: "kill" | "freeze"): void {
  nearFault(`Sentinel: master ${name}`, async () => {
    // As docs/operations.md recommends: without it a client waits for a master that is frozen.
    const connection = { ...setup.client, socketTimeout: 1000 };
    const prefix = await openNear(prober, { data: connection, subscriber: connection });
    const storeOf = ({ admin }: SentinelNode): SessionStore =>
      createSessionStore(admin, { prefix, timeout: PATIENT, replicas: { count: REPLICAS, timeout: PATIENT } });
    let master = await setup.currentMaster();
    let store = storeOf(master);
    const servers = `${setup.version}, master with ${REPLICAS} replicas and 3 Sentinels, down-after-milliseconds ${DOWN_AFTER}`;
    const site: Site = { servers: titleOf(servers, "ioredis"), prober, prefix, store: () => store };
    const fault: NearFault = {
      times: FULL ? 2 : 1,
      prepare: () => master.admin.wait(REPLICAS, PATIENT),
      begin: () => {},
      async during([first, ...others]) {
        const before = first?.() ?? Promise.resolve();
        await before;
        if (how === "kill") await master.kill();
        else master.freeze();
        const promoted = await setup.failedOver(master);
        // Of its replicas one is gone.
        store = createSessionStore(promoted.admin, { prefix, timeout: PATIENT });
        const acknowledgements = await spread(others, 1000);
        // A master that wakes up is one for a while; by then its clients have to have left it.
        await prober.order({ kind: "serving", prefix });
        return [before, ...acknowledgements];
      },
      async end() {
        if (how === "kill") await setup.rejoin(master);
        else master.thaw();
        await setup.settle();
        master = await setup.currentMaster();
        store = storeOf(master);
      },
    };
    return [site, fault];
  });
}

masterFails("killed", "kill");
masterFails("frozen", "freeze");

/** A replica becomes the master, the old master does not know, and one of the two clients of the process is connected to each. */
function isMissedBy(moved: "data" | "subscriber", name: string): void {
  nearFault(name, async () => {
    const old = await startRedisServer();
    afterFile(() => old.stop());
    const [host, port] = [old.host, old.port];
    const replica = await startRedisServer({
      args: ["--replicaof", host, String(port), "--repl-diskless-sync-delay", "0"],
    });
    afterFile(() => replica.stop());
    const [onOld, onReplica] = [connect({ port }), connect({ port: replica.port })];
    const prefix = await openNear(prober, { data: { host, port }, subscriber: { host, port } });
    let store: SessionStore = createSessionStore(onOld, { prefix, timeout: PATIENT });
    const site: Site = { servers: titleOf(old.version, "ioredis"), prober, prefix, store: () => store };
    const stays = moved === "data" ? "subscriber" : "data";
    const fault: NearFault = {
      times: 1,
      lasts: FULL ? 5000 : 2500,
      ...{ isDeaf: true, hasOldMaster: true },
      prepare: () => onOld.wait(1, PATIENT),
      async begin() {
        await onReplica.replicaof("NO", "ONE");
        store = createSessionStore(onReplica, { prefix, timeout: PATIENT });
        await prober.order({ kind: "redirect", prefix, client: moved, port: replica.port });
      },
      end: () => prober.order({ kind: "redirect", prefix, client: stays, port: replica.port }),
    };
    return [site, fault];
  });
}

isMissedBy("data", "failover: data client on the new master, subscriber on the old one");
isMissedBy("subscriber", "failover: subscriber on the new master, data client on the old one");
