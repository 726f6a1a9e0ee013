/** What our store costs in the place of connect-redis, on the same client and over the same records. */
import { openField } from "../field.ts";
import type { ClientContender, Scenario } from "../scenario.ts";
import {
  type Asked,
  CONNECT_REDIS,
  CONNECT_REDIS_7,
  expressStore,
  OURS_ON_IOREDIS,
  OURS_ON_NODE_REDIS,
} from "./express-stores.ts";

const IN_FLIGHT = [1, 16, 128];
const BOTH: readonly Asked[] = ["get", "get + touch"];

/** The old store and ours, under the same client. */
function pair(
  client: string,
  theirs: string,
  old: typeof CONNECT_REDIS,
  ours: typeof CONNECT_REDIS,
): ClientContender[] {
  return BOTH.flatMap((asked) => {
    const name = `${client}: ${theirs}, ${asked}`;
    return [
      expressStore(name, old, asked, { against: name }),
      expressStore(`${client}: coatcheck, ${asked}`, ours, asked, { against: name }),
    ];
  });
}

const contenders: readonly ClientContender[] = [
  ...pair("ioredis", "connect-redis 7", CONNECT_REDIS_7, OURS_ON_IOREDIS),
  ...pair("node-redis", "connect-redis 9", CONNECT_REDIS, OURS_ON_NODE_REDIS),
];

export const dropIn: Scenario = {
  name: "drop-in",
  shows:
    "What coatcheck/express-session costs in the place of connect-redis: on the same client, over the same records.",
  method: [
    "`get` is what express-session asks with disableTouch, `get + touch` what it asks otherwise for a request that changes nothing. Both stores are called through the same lines, and make the session object as express-session has them do.",
    "Ratios are to connect-redis on the same client, asked for the same. A private Redis writes an append-only file, flushed every second.",
  ],
  limits: ["Without express-session around them: the scenario http has whole requests."],
  contenders,
  notInQuick: true,

  async run(bench) {
    const server = await bench.server({ durable: true });
    const place = { urls: [server.url], cluster: false, prefix: `${server.prefix}drop-in:` };
    const field = await openField(bench, { scenario: dropIn.name, contenders, baseline: "" }, [
      { place, spent: () => server.spent() },
    ]);
    await field.underLoad(IN_FLIGHT);
    await field.close();
  },
};
