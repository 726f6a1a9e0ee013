/** Which rejected calls of a store are outages, for the event `unavailable`. It knows errors by their codes, and no verb. */
import { isNotReplicated, isSessionError } from "../leaves/errors.js";
import type { Failures } from "../leaves/tracing.js";
import type { Events } from "./events.js";

/** Tells of calls that reject because Redis could not do its part. */
export function outagesToldBy(events: Events): Failures {
  return {
    isHeard: () => events.isHeard("unavailable"),
    tell(verb, error) {
      if (!isSessionError(error)) return;
      if (error.code === "STORE_UNAVAILABLE") events.announce("unavailable", { verb, code: "STORE_UNAVAILABLE" });
      else if (isNotReplicated(error)) events.announce("unavailable", { verb, code: "NOT_REPLICATED" });
    },
  };
}
