/** The contract of `create`, and the limit of sessions per user that it keeps. */
import { describeCreate } from "../contract/create.js";
import { describeLimits } from "../contract/limits.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeCreate, describeLimits);
