/**
 * Holds the store to a part of its contract on a real Redis, which is the judge of the scripts, and on ioredis-mock, which is
 * good for demos and for users' own tests.
 *
 * How ioredis-mock differs from Redis, and what that means here:
 * - Its TIME is off by up to a second, and can go back: instants are compared with that much slack, and what is exact to the
 *   millisecond is tested on Redis alone.
 * - It keeps a sorted set that has become empty: the contract does not count such a key.
 * - It ignores the flags of PEXPIREAT, has no cjson, and gives integers as numbers: the scripts do not rely on any of that.
 * - It has no Cluster, no WAIT and no failures of its own: the tests of those need a server.
 */
import RedisMock from "ioredis-mock";
import { describe } from "vitest";
import { connect } from "../../harness/fixtures.js";
import { type ContractOptions, type MakeClient, Rig } from "./rig.js";

/** A part of the contract: registers its tests, which run on the clients of `rig`. */
export type Part = (rig: Rig) => void;

/** Holds the store on the clients of `makeClient` to parts of its contract. */
export function describeParts(name: string, makeClient: MakeClient, options: ContractOptions, parts: readonly Part[]) {
  describe(name, () => {
    const rig = new Rig(makeClient, options);
    for (const describePart of parts) describePart(rig);
  });
}

export function describeOnRedisAndMock(...parts: readonly Part[]): void {
  describeParts("the store on Redis", connect, { exactClock: true }, parts);
  describeParts("the store on ioredis-mock", (own) => new RedisMock({ ...own }), { exactClock: false }, parts);
}
