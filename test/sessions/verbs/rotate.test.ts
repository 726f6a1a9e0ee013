/** The contract of `rotate`: the same user, with a grace, and the log-in of a guest. */
import { describeGrace } from "../contract/grace.js";
import { describeLogIn } from "../contract/log-in.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";
import { describeRotate } from "../contract/rotate.js";

describeOnRedisAndMock(describeRotate, describeGrace, describeLogIn);
