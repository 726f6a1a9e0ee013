/**
 * The contract of the store: what its docstrings and DESIGN promise, as one suite for every client that claims to keep
 * it. It runs on a real Redis and on ioredis-mock; only a real Redis is the judge of a script.
 */
import { describe } from "vitest";
import { describeBlocks } from "./contract/block.js";
import { describeClaimLimits } from "./contract/claim-limits.js";
import { describeClaimValues } from "./contract/claim-values.js";
import { describeClaims } from "./contract/claims.js";
import { describeCreate } from "./contract/create.js";
import { describeDeadlines } from "./contract/deadlines.js";
import { describeEvents } from "./contract/events.js";
import { describeGrace } from "./contract/grace.js";
import { describeKeys } from "./contract/keys.js";
import { describeLimits } from "./contract/limits.js";
import { describeLogIn } from "./contract/log-in.js";
import { describeRevoke } from "./contract/revoke.js";
import { type ContractOptions, type MakeClient, Rig } from "./contract/rig.js";
import { describeRotate } from "./contract/rotate.js";
import { describeSchemas } from "./contract/schema.js";

/** Holds the store on the clients of `makeClient` to its contract. */
export function describeContract(name: string, makeClient: MakeClient, options: ContractOptions): void {
  describe(name, () => {
    const rig = new Rig(makeClient, options);
    describeCreate(rig);
    describeDeadlines(rig);
    describeClaims(rig);
    describeClaimValues(rig);
    describeClaimLimits(rig);
    describeSchemas(rig);
    describeRotate(rig);
    describeGrace(rig);
    describeLogIn(rig);
    describeRevoke(rig);
    describeLimits(rig);
    describeBlocks(rig);
    describeEvents(rig);
    describeKeys(rig);
  });
}
