/** The contract of `updateClaims` and `updateClaimsForUser`; what claims may be is in ../claims.test.ts. */
import { describeOnRedisAndMock } from "../contract/on-redis-and-mock.js";
import { describeUpdate } from "../contract/update.js";

describeOnRedisAndMock(describeUpdate);
