/** What a lookup costs on ioredis and on node-redis: the same store, side by side, each beside the floor of its own client. */
import { createSessionStore, type RedisClient } from "coatcheck";
import { openField } from "../field.ts";
import { sampleOf, tokenOf } from "../population.ts";
import type { ClientContender, Opened, Place, Scenario } from "../scenario.ts";
import { SESSIONS, storeOptions } from "../subject.ts";
import { CONNECT_REDIS, expressStore } from "./express-stores.ts";
import { connect, flatten, placeOn, populate } from "./lookup.ts";

const IN_FLIGHT = [1, 16, 128];

/** A client, and its own way to write and read a hash. */
interface Floor {
  readonly client: RedisClient;
  readonly write: (key: string, fields: Record<string, string | number>) => Promise<unknown>;
  readonly read: (key: string) => Promise<unknown>;
}

const FLOORS: Readonly<Record<string, (place: Place) => Promise<Floor>>> = {
  async ioredis(place) {
    const client = connect(place);
    return { client, write: (key, fields) => client.hset(key, fields), read: (key) => client.hgetall(key) };
  },
  async "node-redis"({ urls }) {
    const { createClient } = await import("redis");
    const client = await createClient({ url: urls[0] as string }).connect();
    return { client, write: (key, fields) => client.hSet(key, fields), read: (key) => client.hGetAll(key) };
  },
};

/** The raw command, and the two lookups, on one client. */
function onClient(name: string, floor: (place: Place) => Promise<Floor>): ClientContender[] {
  const baseline = `${name}: HGETALL of a flat record`;
  const verb = (which: "get" | "touch"): ClientContender => ({
    name: `${name}: ${which}`,
    does: `coatcheck on ${name}`,
    ours: true,
    against: baseline,
    async open(place) {
      const { population, tokens } = sampled(place);
      const { client } = await floor(place);
      const store = createSessionStore(client, storeOptions(population.prefix));
      if ((await store[which](tokens[0])) === null) throw new Error("A live session was not found");
      return { call: (turn) => store[which](tokens[turn % tokens.length]) } satisfies Opened;
    },
  });
  return [
    {
      name: baseline,
      does: `raw ${name}: a hash with a field for each thing that is known of a session, as one would write it by hand`,
      givesUp: "the check of a secret, deadlines, an index, and types: all values are strings",
      against: baseline,
      async open(place) {
        const { population, tokens } = sampled(place);
        const { client, write, read } = await floor(place);
        const store = createSessionStore(client, storeOptions(population.prefix));
        const keys: string[] = [];
        for (const token of tokens) {
          const session = await store.get(token);
          if (session === null) throw new Error("A live session was not found");
          const key = `${place.prefix}${name}:${session.id}`;
          await write(key, flatten(session));
          keys.push(key);
        }
        return { call: (turn) => read(keys[turn % keys.length] as string) };
      },
    },
    verb("get"),
    verb("touch"),
  ];
}

function sampled({ population, sample: most = SESSIONS }: Place) {
  if (population === undefined) throw new Error("There are no sessions to look up.");
  const sample = sampleOf(population, most);
  return { population, tokens: sample.map((at) => tokenOf(population, at)) };
}

const NODE_REDIS_FLOOR = "node-redis: HGETALL of a flat record";

const contenders: readonly ClientContender[] = [
  ...Object.entries(FLOORS).flatMap(([name, floor]) => onClient(name, floor)),
  expressStore("node-redis: connect-redis 9, get", CONNECT_REDIS, "get", { against: NODE_REDIS_FLOOR }),
  expressStore("node-redis: connect-redis 9, get + touch", CONNECT_REDIS, "get + touch", { against: NODE_REDIS_FLOOR }),
];

export const clients: Scenario = {
  name: "clients",
  shows: "What a lookup costs on ioredis and on node-redis, each beside the floor of its own client.",
  method: [
    "Ratios are to the raw HGETALL on the same client. A request of connect-redis is a GET and an EXPIRE, ours is one touch.",
    "A private Redis writes nothing to the disk here.",
  ],
  limits: ["Client and server share the cores of one machine, and there is no network between them."],
  contenders,
  notInQuick: true,

  async run(bench) {
    const server = await bench.server();
    const population = await populate(bench, server, bench.settings.populations[0] ?? SESSIONS);
    const field = await openField(bench, { scenario: clients.name, contenders, baseline: "" }, [
      { place: placeOn(server, population, bench.settings.sample), spent: () => server.spent() },
    ]);
    await field.underLoad(IN_FLIGHT);
    await field.close();
  },
};
