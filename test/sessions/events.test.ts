/** The contract of `events`. */
import { describeEvents } from "./contract/events.js";
import { describeOnRedisAndMock } from "./contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeEvents);
