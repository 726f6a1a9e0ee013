/** The contract of `touch`. */
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";
import { describeTouch } from "../contract/touch.js";

describeOnRedisAndMock(describeTouch);
