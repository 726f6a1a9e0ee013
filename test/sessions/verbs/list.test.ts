/** The contract of `listForUser`. */
import { describeList } from "../contract/list.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeList);
