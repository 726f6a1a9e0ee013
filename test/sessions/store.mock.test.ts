/**
 * The contract of the store on ioredis-mock: good for demos and for users' own tests, and never the judge of a script.
 *
 * Where it differs from Redis, and what that means here:
 * - Its TIME is off by up to a second, and can go back: instants are compared with that much slack, and what is to the
 *   millisecond is tested on Redis alone.
 * - It keeps a sorted set that has become empty: the contract counts no such key.
 * - It ignores the flags of PEXPIREAT, has no cjson, and gives integers as numbers: the scripts rely on none of that.
 * - It has no Cluster, no WAIT and no failures of its own: the tests of those need a server.
 */
import RedisMock from "ioredis-mock";
import { describeContract } from "./contract.js";

describeContract("the store on ioredis-mock", (options) => new RedisMock({ ...options }), { exactClock: false });
