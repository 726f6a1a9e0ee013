/** The same lookup on a Redis Cluster of three nodes: the code is the same, and so is what it costs. */
import { Cluster } from "ioredis";
import { startCluster } from "../../test/harness/redis-cluster.ts";
import { type Heat, openField } from "../field.ts";
import { fill } from "../population.ts";
import { type Spent, spentBy } from "../redis-under-test.ts";
import type { ClientContender, Scenario } from "../scenario.ts";
import { BASELINE, lookup, placeOn, populate } from "./lookup.ts";

/** On one server, and on as many nodes as a Redis Cluster has at the least. */
const NODES = [1, 3];
const IN_FLIGHT = [1, 16, 128];
const SESSIONS = 30_000;

const contenders = lookup.contenders.filter(({ name }) => [BASELINE, "get", "touch"].includes(name));

export const scale: Scenario = {
  name: "scale",
  shows: "The same lookup on a Redis Cluster of three nodes, with no change in code.",
  method: [
    "One server and three nodes, side by side and in turns; every contender has one client (ioredis Cluster there).",
    "The sessions are spread over the nodes by the bucket in their ids.",
  ],
  limits: [
    "All nodes share the cores of one machine with the client, so this shows the price of going through a Cluster, not what more machines add.",
  ],
  contenders,

  async run(bench) {
    const { populations, sample, quick, roundMilliseconds: milliseconds } = bench.settings;
    const sessions = Math.min(quick ? sample : SESSIONS, Math.max(...populations));
    const single = await bench.server();
    const onSingle = await populate(bench, single, sessions);

    const cluster = await startCluster({ masters: 3 });
    bench.defer(() => cluster.close());
    const client = new Cluster(cluster.startupNodes);
    bench.defer(() => client.disconnect());
    bench.progress.begin("fill the cluster", Math.ceil(sessions / 2000));
    const onCluster = await fill(
      client,
      { prefix: "coatcheck-bench:cluster:", sessions, perUser: 1 },
      { signal: bench.signal, onProgress: () => bench.progress.step() },
    );
    bench.progress.end();
    const spent = async (): Promise<Spent> => {
      const each = await Promise.all(cluster.masters.map(({ admin }) => spentBy(admin)));
      return each.reduce((sum, one) => ({ cpu: sum.cpu + one.cpu, network: sum.network + one.network }));
    };

    const field = await openField(
      bench,
      { scenario: scale.name, contenders: contenders as ClientContender[], baseline: BASELINE },
      [
        { place: placeOn(single, onSingle, sample), spent: () => single.spent() },
        {
          place: { urls: cluster.urls, cluster: true, prefix: "coatcheck-bench:raw:", population: onCluster, sample },
          spent,
        },
      ],
    );
    await field.measure(
      NODES.flatMap((nodes, place) =>
        IN_FLIGHT.map((inFlight): Heat => {
          return { at: { nodes, inFlight }, place, load: { kind: "closed", inFlight, milliseconds } };
        }),
      ),
    );
    await field.close();
  },
};
