/** The same question to everybody whom a user would weigh, with the same claims: session stores, databases, tokens. */
import { openField } from "../field.ts";
import { startPostgres } from "../postgres.ts";
import type { ClientContender, Scenario } from "../scenario.ts";
import { coatcheckNear, coatcheckTouch, coatcheckWriting, sessionStores } from "./peers-sessions.ts";
import { tokens } from "./peers-tokens.ts";

/** One caller, who waits; and as many as keep a server busy. */
const IN_FLIGHT = [1, 16, 128];

const contenders: readonly ClientContender[] = [
  coatcheckTouch,
  coatcheckWriting,
  coatcheckNear,
  ...sessionStores,
  ...tokens,
];

export const peers: Scenario = {
  name: "peers",
  shows: "What one authenticated request costs with each library, over the same user and the same claims.",
  method: [
    "Each contender does what its library does for one request that reads its session, without HTTP.",
    "1 000 sessions for each contender; tokens are verified one after another from as many, with keys in the form that the library is fastest with, unless the row says otherwise.",
    "Durability: a private Redis writes an append-only file and has it flushed every second; PostgreSQL, where it is installed, has its default settings, so each write waits for the disk, unless the row says asynchronous commit: then it loses about as much in a crash as Redis does. It is a private cluster on loopback, 10 connections.",
    "Latencies are those of a closed loop, with what that leaves out (coordinated omission, see the method of the whole report).",
  ],
  limits: [
    "Signing keys lie in memory: a service that fetches keys, or rotates them, has costs that do not show.",
    "With near the session comes from the memory of the process: a revocation elsewhere reaches it within milliseconds, and within its lease whatever fails. The lease here is 10 s in place of 1 s, because a loop that never waits leaves the process no time to hear that Redis is alive.",
    "A verified token says who the user was when it was signed, a looked-up session who they are: the same question, not the same answer.",
    "A touch of coatcheck writes once per touchInterval, the stores beside it with every request: the row with a write for each has them equal.",
    "The clients differ, because the libraries do: connect-redis 9 takes node-redis only. The scenario drop-in has both stores on the same client.",
    "express-session's stores are asked without the middleware, which also checks the cookie's signature and hashes the session twice; @fastify/session and koa-session run with theirs. The scenario http has whole requests of all.",
  ],
  contenders,

  async run(bench) {
    const server = await bench.server({ durable: true });
    const postgres = await startPostgres();
    if (postgres === null)
      bench.skip("connect-pg-simple", "there is no PostgreSQL on this machine (Debian: apt-get install postgresql)");
    else {
      bench.defer(() => postgres.stop());
      bench.uses("postgres", postgres.version);
    }
    const taking = contenders.filter(({ name }) => postgres !== null || !name.startsWith("connect-pg-simple"));
    const place = {
      urls: [server.url],
      cluster: false,
      prefix: `${server.prefix}peers:`,
      ...(postgres && { postgres: postgres.url }),
    };
    const field = await openField(bench, { scenario: peers.name, contenders: taking, baseline: coatcheckTouch.name }, [
      { place, spent: () => server.spent() },
    ]);
    await field.underLoad(IN_FLIGHT);
    await field.close();
  },
};
