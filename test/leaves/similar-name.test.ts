/** Which option somebody has meant. */
import { expect, it } from "vitest";
import { similarName } from "../../src/leaves/similar-name.js";

const HTTP = ["cookie", "bearer", "csrf", "slide"];
const STORE = ["prefix", "idleTimeout", "absoluteTimeout", "touchInterval", "maxSessionsPerUser", "claims", "timeout"];

it.each([
  ["cookies", HTTP, "cookie"],
  ["Cookie", HTTP, "cookie"],
  ["crsf", HTTP, "csrf"],
  ["idletimeout", STORE, "idleTimeout"],
  ["absolute", STORE, "absoluteTimeout"],
  ["timeOut", STORE, "timeout"],
  ["maxSessions", STORE, "maxSessionsPerUser"],
  ["claim", STORE, "claims"],
  ["wher", ["where", "guest"], "where"],
  ["user", ["userId", "claims"], "userId"],
  // One that holds it, although none is near.
  ["origins", ["trustedOrigins", "exempt"], "trustedOrigins"],
  ["gracePeriod", ["claims", "grace"], "grace"],
  // The nearest, and not the first.
  ["timeouts", ["idleTimeout", "timeout"], "timeout"],
])("takes %j for one of %j", (name, names, meant) => {
  expect(similarName(name, names)).toBe(meant);
});

it.each([
  ["ttl", STORE],
  ["id", ["userId", "prefix"]],
  ["x", ["a", "b"]],
  ["", HTTP],
  ["secret", HTTP],
  ["cookie", []],
])("takes %j for none of %j", (name, names) => {
  expect(similarName(name, names)).toBeUndefined();
});
