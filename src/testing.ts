/** coatcheck/testing: for tests, of adapters and of applications. */

export { adapterContract, type ContractCase } from "./testing/adapter-contract.js";
export type { AdapterServer, AdapterSubject } from "./testing/adapter-subject.js";
export { type LoggedIn, logIn, type TestCookie } from "./testing/log-in.js";
