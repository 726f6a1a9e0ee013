/** What a lookup costs beside the least that asking Redis can cost, and whether it stays the same among a million sessions. */
import { createSessionStore, type SessionStore } from "coatcheck";
import { Cluster, Redis } from "ioredis";
import { type Heat, openField } from "../field.ts";
import type { Call } from "../load.ts";
import { fill, keyOf, type Population, sampleOf, tokenOf } from "../population.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, ClientContender, Opened, Place, Scenario } from "../scenario.ts";
import { expectUser, SESSIONS, storeOptions } from "../subject.ts";

/** Calls a second on a timetable: a busy site, and well below what any contender can do. */
const PER_SECOND = 5_000;

type Verb = (store: SessionStore, token: string) => Promise<{ userId: string | null } | null>;

/** A verb of the store. */
function ours(name: string, does: string, verb: Verb, options: { touchInterval?: number } = {}): ClientContender {
  return { name, does: `coatcheck: ${does}`, ours: true, open: (place) => openStore(place, options, verb) };
}

const touching: Verb = (store, token) => store.touch(token);
const get = ours(
  "get",
  "one script reads the record, compares the hash of the secret; the reply is decoded",
  (store, token) => store.get(token),
);
const touch = ours(
  "touch",
  "like get, and slides the idle deadline when the last slide is touchInterval ago, which it is not here",
  touching,
);
const touchWriting = ours(
  "touch, write due",
  "a touch that slides the deadline every time (touchInterval: 0)",
  touching,
  { touchInterval: 0 },
);

const rawGet: ClientContender = {
  name: "GET of JSON",
  does: "raw ioredis: the same data as one JSON string; the reply is left as text",
  givesUp: "the check of a secret, deadlines, an index, and updates of single claims",
  open: (place) =>
    openRaw(place, async (redis, session, key) => {
      await redis.psetex(key, 7_200_000, JSON.stringify(flatten(session)));
      return () => redis.get(key);
    }),
};

const rawHgetall: ClientContender = {
  name: "HGETALL of the record",
  does: "raw ioredis: coatcheck's own record, as an object of strings",
  givesUp: "the check of a secret, the decoding, and everything but the reading",
  open: async (place) => {
    const redis = connect(place);
    const { keys } = sampled(place);
    return { call: (turn) => redis.hgetall(keys[turn % keys.length] as string) };
  },
};

const flatHgetall: ClientContender = {
  name: "HGETALL of a flat record",
  does: "raw ioredis: a hash with a field for each thing that is known of a session, as one would write it by hand",
  givesUp: "the check of a secret, deadlines, an index, and types: all values are strings",
  open: (place) =>
    openRaw(place, async (redis, session, key) => {
      await redis.hset(key, flatten(session));
      await redis.pexpire(key, 7_200_000);
      return () => redis.hgetall(key);
    }),
};

export const BASELINE = flatHgetall.name;
export const JSON_GET = rawGet.name;

export const lookup: Scenario = {
  name: "lookup",
  shows: "What a lookup costs beside the floor, raw ioredis, and that it costs the same among a million sessions.",
  method: [
    "Each contender looks up sessions from all over the population, at most 50 000 different ones in turn (quick: 5 000).",
    "Private servers: one for each population, all at once, so that the sizes too are compared round by round.",
    `"${PER_SECOND.toLocaleString("en")} a second" is on a timetable: each call is timed from the instant it was due.`,
  ],
  limits: [
    "Client and server share the cores of one machine, and there is no network between them.",
    "Private servers write nothing to the disk here; those of the scenario peers have an append-only file, also for a touch that writes.",
  ],
  contenders: [rawGet, rawHgetall, flatHgetall, get, touch, touchWriting],

  async run(bench) {
    const { populations } = bench.settings;
    if (bench.sharedServer) {
      bench.skip(
        "populations side by side",
        "there is one server only, so it is filled further and further, and sizes are compared across minutes",
      );
      for (const sessions of populations) await compare(bench, [sessions]);
    } else {
      await compare(bench, populations);
    }
  },
};

async function compare(bench: Bench, sizes: readonly number[]): Promise<void> {
  const servers: RedisUnderTest[] = [];
  const filled: Population[] = [];
  for (const sessions of sizes) {
    const server = await bench.server();
    servers.push(server);
    filled.push(await populate(bench, server, sessions));
  }
  const field = await openField(
    bench,
    { scenario: lookup.name, contenders: lookup.contenders as ClientContender[], baseline: BASELINE },
    servers.map((server, at) => ({
      place: placeOn(server, filled[at], bench.settings.sample),
      spent: () => server.spent(),
    })),
  );
  await field.measure(heatsFor(bench, sizes));
  await field.close();
}

/** Every load at every place. */
function heatsFor(bench: Bench, sizes: readonly number[]): Heat[] {
  const { inFlight, roundMilliseconds: milliseconds } = bench.settings;
  return sizes.flatMap((sessions, place): Heat[] => [
    ...inFlight.map((callers): Heat => {
      return { at: { sessions, inFlight: callers }, place, load: { kind: "closed", inFlight: callers, milliseconds } };
    }),
    { at: { sessions, perSecond: PER_SECOND }, place, load: { kind: "open", perSecond: PER_SECOND, milliseconds } },
  ]);
}

/** Fills a server with sessions, one for each user. */
export async function populate(
  bench: Bench,
  { client, prefix }: Pick<RedisUnderTest, "prefix"> & { client: Redis | Cluster },
  sessions: number,
): Promise<Population> {
  bench.progress.begin(`fill ${sessions.toLocaleString("en")} sessions`, Math.ceil(sessions / 2000));
  const population = await fill(
    client,
    { prefix: `${prefix}${sessions}:`, sessions, perUser: 1 },
    { signal: bench.signal, onProgress: () => bench.progress.step() },
  );
  bench.progress.end();
  return population;
}

export function placeOn({ url, prefix }: RedisUnderTest, population: Population | undefined, sample: number): Place {
  return { urls: [url], cluster: false, prefix, sample, ...(population && { population }) };
}

/** The connection that a contender would have. */
export function connect({ urls, cluster }: Place): Redis {
  // A Cluster has all commands that are used here; the two types have no base in common that says so.
  return cluster ? (new Cluster([...urls]) as unknown as Redis) : new Redis(urls[0] as string);
}

function sampled({ population, sample: most = SESSIONS }: Place): {
  population: Population;
  tokens: string[];
  keys: string[];
} {
  if (population === undefined) throw new Error("There are no sessions to look up.");
  const sample = sampleOf(population, most);
  return {
    population,
    tokens: sample.map((at) => tokenOf(population, at)),
    keys: sample.map((at) => keyOf(population, at)),
  };
}

async function openStore(place: Place, options: { touchInterval?: number }, look: Verb): Promise<Opened> {
  const { population, tokens } = sampled(place);
  const store = createSessionStore(connect(place), { ...storeOptions(population.prefix), ...options });
  expectUser("coatcheck", (await look(store, tokens[0] as string))?.userId);
  return { call: (turn) => look(store, tokens[turn % tokens.length] as string) };
}

type Found = NonNullable<Awaited<ReturnType<SessionStore["get"]>>>;

/** Stores every session of the sample in another form, under keys of the contender's own, and reads that. */
async function openRaw(
  place: Place,
  store: (redis: Redis, session: Found, key: string) => Promise<Call>,
): Promise<Opened> {
  const redis = connect(place);
  const { population, tokens } = sampled(place);
  const sessions = createSessionStore(redis, storeOptions(population.prefix));
  const calls: Call[] = [];
  for (let from = 0; from < tokens.length; from += 1000) {
    const batch = tokens.slice(from, from + 1000).map(async (token) => {
      const session = await sessions.get(token);
      if (session === null) throw new Error("a live session was not found");
      return store(redis, session, `${place.prefix}${session.id}`);
    });
    calls.push(...(await Promise.all(batch)));
  }
  return { call: (turn) => calls[turn % calls.length]?.(turn) };
}

/** All that is known of a session in one level. */
export function flatten({ claims, client, ...system }: Found): Record<string, string | number> {
  const flat = { ...system, ...claims, secretHash: "x".repeat(43) };
  return Object.fromEntries(Object.entries(flat).map(([name, value]) => [name, value as string | number]));
}
