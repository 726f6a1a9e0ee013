/** coatcheck/http: what an adapter for a framework is made of. */

export * from "./http/kit.js";
