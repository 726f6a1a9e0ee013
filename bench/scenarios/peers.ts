/** The same question to everybody whom a user would weigh, with the same claims: session stores, databases, tokens. */
import { openField } from "../field.ts";
import { startPostgres } from "../postgres.ts";
import type { ClientContender, Scenario } from "../scenario.ts";
import { coatcheckTouch, coatcheckWriting, sessionStores } from "./peers-sessions.ts";
import { tokens } from "./peers-tokens.ts";

/** One caller, who waits; and as many as keep a server busy. */
const IN_FLIGHT = [1, 16, 128];

const contenders: readonly ClientContender[] = [coatcheckTouch, coatcheckWriting, ...sessionStores, ...tokens];

export const peers: Scenario = {
  name: "peers",
  shows: "What one authenticated request costs with each library, over the same user and the same claims.",
  method: [
    "Each contender does what its library does for one request that reads its session, without HTTP.",
    "1 000 sessions for each contender; tokens are verified one after another from as many.",
    "PostgreSQL, where it is installed: a private cluster on loopback with default settings, 10 connections.",
  ],
  limits: [
    "Signing keys lie in memory: a service that fetches keys, or rotates them, has costs that do not show.",
    "A verified token says who the user was when it was signed, a looked-up session who they are: the same question, not the same answer.",
  ],
  contenders,

  async run(bench) {
    const server = await bench.server();
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
    const { roundMilliseconds: milliseconds } = bench.settings;
    await field.measure(
      IN_FLIGHT.map((inFlight) => ({ at: { inFlight }, place: 0, load: { kind: "closed", inFlight, milliseconds } })),
    );
    await field.close();
  },
};
