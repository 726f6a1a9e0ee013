/** The contract of `get` and `find`. */
import { describeGetAndFind } from "../contract/get-and-find.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeGetAndFind);
