/** Holds an adapter to the contract, in Jest. */
import { adapterContract } from "coatcheck/testing";
import RedisMock from "ioredis-mock";
// A copy of examples/adapters/node-http-contract.ts.
import { start } from "./node-http-contract.ts";

for (const { name, run } of adapterContract({ redis: new RedisMock(), start })) test(name, run);
