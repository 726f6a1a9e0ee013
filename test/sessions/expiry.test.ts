/** The contract of both deadlines and of the time to live of every key. */
import { describeExpiry } from "./contract/expiry.js";
import { describeOnRedisAndMock } from "./contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeExpiry);
