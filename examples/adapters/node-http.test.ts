/** Holds the adapter for node:http to the contract: `node --import tsx --test examples/adapters/node-http.test.ts`. */
import test from "node:test";
import { adapterContract } from "coatcheck/testing";
import RedisMock from "ioredis-mock";
import { start } from "./node-http-contract.ts";

for (const { name, run } of adapterContract({ redis: new RedisMock(), start })) test(name, run);
