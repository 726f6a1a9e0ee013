/** What breaks between a process with a near cache and its server, and what stops one of the two, on a single server. */
import { setTimeout as sleep } from "node:timers/promises";
import { createSessionStore, type SessionStore } from "../../../src/index.js";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";
import { titleOf } from "../network/rig.js";
import { startProber } from "./prober-process.js";
import { type NamedFault, nearFault, nearFaults, openNear, PATIENT, type Site, TIMES } from "./rig.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const prober = await startProber();

interface Ways {
  readonly data: TcpProxy;
  readonly subscriber: TcpProxy;
}

/** A store with near behind a proxy on each of its two connections; what revokes goes past them. */
async function open(): Promise<Site & { readonly ways: Ways }> {
  const ways = { data: await startProxy(server.port), subscriber: await startProxy(server.port) };
  for (const way of Object.values(ways)) afterFile(() => way.close());
  const to = ({ host, port }: TcpProxy) => ({ host, port });
  const prefix = await openNear(prober, { data: to(ways.data), subscriber: to(ways.subscriber) });
  const elsewhere: SessionStore = createSessionStore(connect({ port: server.port }), { prefix, timeout: PATIENT });
  const servers = titleOf(server.version, "ioredis");
  return { servers, prober, prefix, store: () => elsewhere, ways };
}

/** A fault of the network, on some of the ways of a site of its own. */
function onWays(
  name: string,
  pick: (ways: Ways) => TcpProxy[],
  begin: (way: TcpProxy) => void,
  end: (way: TcpProxy) => unknown,
): NamedFault {
  return [
    name,
    async () => {
      const site = await open();
      const ways = pick(site.ways);
      return [
        site,
        { times: TIMES, isDeaf: true, begin: () => ways.forEach(begin), end: () => Promise.all(ways.map(end)) },
      ];
    },
  ];
}

const PICKED: readonly (readonly [string, (ways: Ways) => TcpProxy[]])[] = [
  ["subscriber", ({ subscriber }) => [subscriber]],
  ["both connections", ({ data, subscriber }) => [data, subscriber]],
  ["data connection", ({ data }) => [data]],
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
  onWays(
    "both connections: killed, and new ones refused",
    ({ data, subscriber }) => [data, subscriber],
    (way) => {
      way.refuse();
      way.reset();
    },
    (way) => way.accept(),
  ),
]);

nearFault("Redis is frozen", async () => [
  await open(),
  { times: TIMES, isDeaf: true, begin: () => server.freeze(), end: () => server.thaw() },
]);

nearFault("the process is frozen for 4 s", async () => [
  await open(),
  {
    times: TIMES,
    lasts: 4000,
    begin: () => prober.freeze(),
    end: () => prober.thaw(),
  },
]);

// Without this, what was published meanwhile is there before the process asks again.
nearFault("the process is frozen for 4 s, and hears of it half a second later", async () => {
  const site = await open();
  const { subscriber } = site.ways;
  return [
    site,
    {
      times: TIMES,
      lasts: 4000,
      begin() {
        subscriber.hold("down");
        prober.freeze();
      },
      async end() {
        prober.thaw();
        await sleep(500);
        subscriber.release("down");
      },
    },
  ];
});

nearFault("the event loop of the process is blocked for 3 s, and asks in the same turn", async () => {
  const site = await open();
  return [
    site,
    {
      times: TIMES,
      lasts: 2800,
      begin: () => prober.order({ kind: "block", ms: 3000 }),
      // It answers when it is not blocked any more.
      end: () => prober.order({ kind: "watch", prefix: site.prefix, tokens: [] }),
    },
  ];
});
