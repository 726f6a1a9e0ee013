/** A single server behind a network that breaks, in every way that a proxy can break it, in front of clients of every family. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as Redis5 } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { Redis as Valkey } from "iovalkey";
import { afterFile, connect } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";
import { CONNECTION, closeNodeRedis, connected, NODE_REDIS } from "../node-redis.js";
import { blackHole, halfOpen, lasting, recurring, replyLost, resetInMidReply } from "./network-faults.js";
import { closeAfterFile, networkFault, type Site, TIMEOUT, titleOf } from "./rig.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const observer = connect({ port: server.port });

/** The defaults, but for what the docs say: without it a connection that went silent is never given up. */
const SOCKET_TIMEOUT = 1000;

const kinds = [
  ["ioredis 5", "ioredis", Redis5],
  ["ioredis 6", "ioredis6", Redis6 as unknown as typeof Redis5],
  ["iovalkey", "iovalkey", Valkey as unknown as typeof Redis5],
] as const;
const ofIoredis = kinds.map(([name, module, Client]) => ({
  name,
  async open(): Promise<Site> {
    const proxy = await startProxy(server.port);
    closeAfterFile([proxy]);
    const client = new Client({ host: proxy.host, port: proxy.port, socketTimeout: SOCKET_TIMEOUT });
    client.on("error", () => {});
    const close = () => client.disconnect();
    afterFile(close);
    await client.ping();
    return { servers: titleOf(server.version, module), client, close, minds: true, proxies: [proxy], observer };
  },
}));
const ofNodeRedis = Object.values(NODE_REDIS).map(({ name, module, createClient }) => ({
  name,
  async open(): Promise<Site> {
    const proxy = await startProxy(server.port);
    closeAfterFile([proxy]);
    const client = await connected(createClient({ ...CONNECTION, url: proxy.url }));
    const close = () => closeNodeRedis(client);
    afterFile(close);
    return { servers: titleOf(server.version, module), client, close, minds: false, proxies: [proxy], observer };
  },
}));
const clients = [...ofIoredis, ...ofNodeRedis];

networkFault(clients, () => blackHole("black hole"));
networkFault(clients, () => blackHole("black hole towards the server", "up"));
networkFault(clients, () => blackHole("black hole towards the client", "down"));
networkFault(clients, () =>
  lasting(
    "bytes are kept, and arrive when it is over",
    (proxy) => proxy.hold("up"),
    (proxy) => proxy.release("up"),
  ),
);
networkFault(clients, () =>
  lasting(
    "replies take longer than the deadline",
    (proxy) => proxy.delay(1.5 * TIMEOUT),
    (proxy) => proxy.hurry(),
  ),
);
networkFault(clients, () =>
  lasting(
    "replies take a third of the deadline",
    (proxy) => proxy.delay(TIMEOUT / 3),
    (proxy) => proxy.hurry(),
  ),
);
networkFault(clients, () =>
  lasting(
    "replies trickle, 2 kB a second",
    (proxy) => proxy.drip(20, 10),
    (proxy) => proxy.hurry(),
  ),
);
networkFault(clients, () => halfOpen("half-open: the connection is forgotten without a word"));
networkFault(clients, resetInMidReply);
networkFault(clients, () =>
  lasting(
    "server hangs up after every 8 kB of replies",
    (proxy) => proxy.hangUpAfter(8009, "end"),
    (proxy) => proxy.hangUpAfter(null),
  ),
);
networkFault(clients, replyLost);
networkFault(clients, () =>
  recurring(
    "refuses connections, and accepts them again",
    async (proxy) => {
      proxy.refuse();
      proxy.reset();
      await sleep(300);
      await proxy.accept();
      await sleep(300);
    },
    "refusals",
  ),
);
