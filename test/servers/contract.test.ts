/** The contract of the store on the servers and clients of `npm run test:servers`. */
import { connect } from "../harness/fixtures.js";
import { describeContract } from "../sessions/contract.js";

describeContract("the store on Redis", connect, { exactClock: true });
