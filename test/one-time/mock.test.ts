/** The contract of one-time tokens on ioredis-mock; ../sessions/contract/on-redis-and-mock.ts says how that differs from Redis. */
import RedisMock from "ioredis-mock";
import { describeOneTimeTokens } from "./contract.js";

describeOneTimeTokens("one-time tokens on ioredis-mock", (options) => new RedisMock({ ...options }), {
  exactClock: false,
});
