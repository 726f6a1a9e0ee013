/**
 * The whole contract of the store, for a client or a server that is tested in one go: a Cluster, the documented user, another
 * server. On Redis and on ioredis-mock the test files beside it hold the store to it part by part, each under the name of
 * what it is about: `verbs/update.test.ts`, `events.test.ts`.
 */
import { describeBlocks } from "./contract/block.js";
import { describeClaimLimits } from "./contract/claim-limits.js";
import { describeClaimValues } from "./contract/claim-values.js";
import { describeCreate } from "./contract/create.js";
import { describeEndings } from "./contract/endings.js";
import { describeEvents } from "./contract/events.js";
import { describeExpiry } from "./contract/expiry.js";
import { describeGetAndFind } from "./contract/get-and-find.js";
import { describeGrace } from "./contract/grace.js";
import { describeKeys } from "./contract/keys.js";
import { describeLimits } from "./contract/limits.js";
import { describeList } from "./contract/list.js";
import { describeLogIn } from "./contract/log-in.js";
import { describeParts } from "./contract/on-redis-and-mock.js";
import { describeRevoke } from "./contract/revoke.js";
import { describeRevokeAll } from "./contract/revoke-all.js";
import type { ContractOptions, MakeClient } from "./contract/rig.js";
import { describeRotate } from "./contract/rotate.js";
import { describeSchemas } from "./contract/schema.js";
import { describeTouch } from "./contract/touch.js";
import { describeUpdate } from "./contract/update.js";

/** Holds the store on the clients of `makeClient` to its whole contract. */
export function describeContract(name: string, makeClient: MakeClient, options: ContractOptions): void {
  describeParts(name, makeClient, options, [
    describeCreate,
    describeGetAndFind,
    describeTouch,
    describeExpiry,
    describeUpdate,
    describeClaimValues,
    describeClaimLimits,
    describeSchemas,
    describeRotate,
    describeGrace,
    describeLogIn,
    describeRevoke,
    describeRevokeAll,
    describeList,
    describeLimits,
    describeBlocks,
    describeEndings,
    describeEvents,
    describeKeys,
  ]);
}
