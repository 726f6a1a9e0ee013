/** The contenders that answer from the memory of the process: the near cache, tokens that are verified, and the least of all. */
import { createSecretKey, hash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createSessionStore, type SessionStore } from "coatcheck";
import { type Population, tokenOf, userOf } from "../population.ts";
import type { ClientContender, Contender, Opened, Place } from "../scenario.ts";
import { claimsOf, expectUser, storeOptions } from "../subject.ts";
import { connect } from "./lookup.ts";

export const PEEK = "peek";
export const NEAR_TOUCH = "touch, from memory";
export const CACHED_JWT = "fast-jwt HS256, cached";
export const FAST_JWT = "fast-jwt HS256";
export const JSONWEBTOKEN = "jsonwebtoken HS256";
export const LEAST = "least: a Map behind SHA-256";

/** What is given up with the near cache. */
export const GIVES_UP =
  "the immediacy of a revocation: other processes may let the session in for some milliseconds more, and for one lease (1 s) at most, whatever fails";
const STATELESS = "revocation: who has logged out or was blocked goes on until the token expires, and so do old claims";

/**
 * The texts of tokens as a server gets them: from the bytes of a request, each time a new one. A text that was seen before would
 * carry its hash along.
 */
function textsOf(tokens: readonly string[]): (session: number) => string {
  const starts = [0];
  for (const token of tokens) starts.push((starts.at(-1) as number) + token.length);
  const bytes = Buffer.from(tokens.join(""), "latin1");
  return (session) => bytes.toString("latin1", starts[session], starts[session + 1]);
}

/** What is opened for lookups that take a microsecond. */
function tightOn(tokens: readonly string[], isAwaited: boolean, answer: (text: string) => unknown): Opened {
  const present = textsOf(tokens);
  return { call: (turn) => answer(present(turn % tokens.length)), tight: { present, answer, isAwaited } };
}

function populationOf({ population }: Place): Population {
  if (population === undefined) throw new Error("There are no sessions to look up.");
  return population;
}

/** Over so many lookups at once memory is filled. */
const FILLING = 128;
const PATIENCE = 20_000;

/** Resolves as soon as memory answers for all tokens. */
export async function warm(store: SessionStore, tokens: readonly string[]): Promise<void> {
  for (const began = performance.now(); ; await sleep(10)) {
    const missing = tokens.filter((token) => store.peek(token) === undefined);
    if (missing.length === 0) return;
    if (performance.now() - began > PATIENCE) throw new Error(`memory does not answer: ${JSON.stringify(store.near)}`);
    if (store.near.state !== "serving") continue;
    for (let at = 0; at < missing.length; at += FILLING) {
      await Promise.all(missing.slice(at, at + FILLING).map((token) => store.touch(token)));
    }
  }
}

/** A store whose memory has all sessions of a population. */
export async function openNear(place: Place, lease?: number) {
  const population = populationOf(place);
  const tokens = Array.from({ length: population.sessions }, (_, at) => tokenOf(population, at));
  const store = createSessionStore(connect(place), {
    ...storeOptions(population.prefix),
    near: { maxEntries: Math.max(population.sessions, 1), lease },
  });
  await warm(store, tokens);
  return { store, tokens, warm: () => warm(store, tokens) };
}

/** So long that a stall of the machine ends no measurement: a lookup takes no less with it. */
export const LONG_LEASE = 10_000;

function near(facts: Omit<Contender, "ours">, isAwaited: boolean, verb: "peek" | "touch"): ClientContender {
  return {
    ...facts,
    givesUp: GIVES_UP,
    ours: true,
    async open(place) {
      const { store, tokens, warm: prepare } = await openNear(place, LONG_LEASE);
      expectUser(facts.name, store.peek(tokens[0])?.userId);
      const answer = verb === "peek" ? (text: string) => store.peek(text) : (text: string) => store.touch(text);
      return { ...tightOn(tokens, isAwaited, answer), prepare };
    },
  };
}

/** JWTs of the same users, each for an hour. */
function jwt(
  facts: Pick<Contender, "name" | "does">,
  isAwaited: boolean,
  open: (users: readonly string[]) => Promise<{ tokens: string[]; verify: (token: string) => unknown }>,
): ClientContender {
  return {
    ...facts,
    givesUp: STATELESS,
    stateless: true,
    async open(place) {
      const population = populationOf(place);
      const { tokens, verify } = await open(
        Array.from({ length: population.sessions }, (_, at) => userOf(population, at)),
      );
      expectUser(facts.name, ((await verify(tokens[0] as string)) as { sub?: unknown }).sub);
      return tightOn(tokens, isAwaited, verify);
    },
  };
}

const HOUR = 3_600_000;

function fastJwt(name: string, does: string, isCached: boolean): ClientContender {
  return jwt({ name, does }, false, async (users) => {
    const { createSigner, createVerifier } = await import("fast-jwt");
    const key = randomBytes(32);
    const sign = createSigner({ key, algorithm: "HS256", expiresIn: HOUR });
    // One place more than there are tokens: without it each would be thrown out just before it comes again.
    const cache = isCached && users.length + 1;
    const verify = createVerifier({ key, algorithms: ["HS256"], cache });
    return { tokens: users.map((user) => sign({ sub: user, ...claimsOf(user) })), verify };
  });
}

const jsonwebtoken = jwt(
  { name: JSONWEBTOKEN, does: "jwt.verify with a KeyObject made once" },
  false,
  async (users) => {
    const { default: library } = await import("jsonwebtoken");
    const key = createSecretKey(randomBytes(32));
    const tokens = users.map((subject) => library.sign({ ...claimsOf(subject) }, key, { subject, expiresIn: "1h" }));
    return { tokens, verify: (token) => library.verify(token, key, { algorithms: ["HS256"] }) };
  },
);

const jose = jwt({ name: "jose HS256", does: "jwtVerify, awaited, the key imported once" }, true, async (users) => {
  const { generateSecret, jwtVerify, SignJWT } = await import("jose");
  const key = await generateSecret("HS256");
  const tokens = await Promise.all(
    users.map((user) => {
      const token = new SignJWT({ ...claimsOf(user) }).setProtectedHeader({ alg: "HS256" });
      return token.setSubject(user).setExpirationTime("1h").sign(key);
    }),
  );
  return { tokens, verify: async (token) => (await jwtVerify(token, key, { algorithms: ["HS256"] })).payload };
});

const floor: ClientContender = {
  name: LEAST,
  does: "the hash of the token, and a look into a Map: no cache that keeps no token in clear takes less",
  givesUp: "deadlines, a bound, and hearing of anything that changes",
  async open(place) {
    const population = populationOf(place);
    const tokens = Array.from({ length: population.sessions }, (_, at) => tokenOf(population, at));
    const digest = (token: string) => hash("sha256", token, "base64url");
    const sessions = new Map(
      tokens.map((token, at) => {
        const userId = userOf(population, at);
        return [digest(token), Object.freeze({ userId, claims: Object.freeze(claimsOf(userId)) })];
      }),
    );
    return tightOn(tokens, false, (text) => sessions.get(digest(text)));
  },
};

export const nearLookups: readonly ClientContender[] = [
  near({ name: PEEK, does: "coatcheck with near: synchronous, from the memory of the process" }, false, "peek"),
  near({ name: NEAR_TOUCH, does: "coatcheck with near: the same by way of touch, awaited" }, true, "touch"),
  fastJwt(CACHED_JWT, "createVerifier with its cache: a token seen before is looked up in memory", true),
  fastJwt(FAST_JWT, "createVerifier, no cache", false),
  jsonwebtoken,
  jose,
  floor,
];
