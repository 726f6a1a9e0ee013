/** What breaks between a process with a near cache and its server, and what stops one of the two, on a single server. */
import { setTimeout as sleep } from "node:timers/promises";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import type { TcpProxy } from "../../harness/tcp-proxy.js";
import { startProber } from "./prober-process.js";
import { type NamedFault, type NearFault, nearFault, nearFaults, PATIENT, TIMES } from "./rig.js";
import { openWays, type WaysSite } from "./ways.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const prober = await startProber();

const elsewhere = connect({ port: server.port });

/** A store with near on each client, behind proxies; what revokes goes past them. */
const open = () =>
  openWays(prober, {
    ...{ servers: server.version, port: server.port },
    storeFor: (prefix) => {
      const store: SessionStore = createSessionStore(elsewhere, { prefix, timeout: PATIENT });
      return () => store;
    },
  });

/** A fault of the network, on some of the ways of sites of its own. */
function onWays(
  name: string,
  pick: (site: WaysSite) => TcpProxy[],
  begin: (way: TcpProxy) => void,
  end: (way: TcpProxy) => unknown,
): NamedFault {
  return [
    name,
    async () => {
      const sites = await open();
      const ways = sites.flatMap(pick);
      return [
        sites,
        { times: TIMES, isDeaf: true, begin: () => ways.forEach(begin), end: () => Promise.all(ways.map(end)) },
      ];
    },
  ];
}

const PICKED: readonly (readonly [string, (site: WaysSite) => TcpProxy[]])[] = [
  ["subscriber", ({ ways }) => [ways.subscriber]],
  ["both connections", ({ ways }) => [ways.data, ways.subscriber]],
  ["data connection", ({ ways }) => [ways.data]],
];

nearFaults([
  ...PICKED.map(([which, pick]) =>
    onWays(
      `${which}: bytes are kept, and arrive when it is over`,
      pick,
      (way) => {
        way.hold("up");
        way.hold("down");
      },
      (way) => {
        way.release("up");
        way.release("down");
      },
    ),
  ),
  ...PICKED.map(([which, pick]) =>
    onWays(
      `${which}: black hole, and a reset at its end`,
      pick,
      (way) => way.blackhole(),
      (way) => way.restore(),
    ),
  ),
  ...PICKED.map(([which, pick]) =>
    onWays(
      `${which}: killed, and new ones refused`,
      pick,
      (way) => {
        way.refuse();
        way.reset();
      },
      (way) => way.accept(),
    ),
  ),
]);

/** A fault of all sites of its own. */
function onAll(name: string, faultOf: (sites: readonly WaysSite[]) => NearFault): void {
  nearFault(name, async () => {
    const sites = await open();
    return [sites, faultOf(sites)];
  });
}

onAll("Redis is frozen", () => ({
  ...{ times: TIMES, isDeaf: true },
  begin: () => server.freeze(),
  end: () => server.thaw(),
}));

onAll("the process is frozen for 4 s", () => ({
  ...{ times: TIMES, lasts: 4000 },
  begin: () => prober.freeze(),
  end: () => prober.thaw(),
}));

// Without this, what was published meanwhile is there before the process asks again.
onAll("the process is frozen for 4 s, and hears of it half a second later", (sites) => ({
  ...{ times: TIMES, lasts: 4000 },
  begin() {
    for (const { ways } of sites) ways.subscriber.hold("down");
    prober.freeze();
  },
  async end() {
    prober.thaw();
    await sleep(500);
    for (const { ways } of sites) ways.subscriber.release("down");
  },
}));

onAll("the event loop of the process is blocked for 3 s, and asks in the same turn", ([site]) => ({
  ...{ times: TIMES, lasts: 2800 },
  begin: () => prober.order({ kind: "block", ms: 3000 }),
  // It answers when it is not blocked any more.
  end: () => prober.order({ kind: "watch", prefix: site?.prefix ?? "", tokens: [] }),
}));
