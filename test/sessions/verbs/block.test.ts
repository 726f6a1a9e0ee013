/** The contract of `blockUser`, `unblockUser` and `getBlock`. */
import { describeBlocks } from "../contract/block.js";
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";

describeOnRedisAndMock(describeBlocks);
