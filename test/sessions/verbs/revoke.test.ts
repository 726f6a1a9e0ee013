/** The contract of `revoke` and `revokeAllForUser`. */
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";
import { describeRevoke } from "../contract/revoke.js";

describeOnRedisAndMock(describeRevoke);
