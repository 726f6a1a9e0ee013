/** All scenarios, in the order in which they run. */
import type { Scenario } from "./scenario.ts";
import { http } from "./scenarios/http.ts";
import { lookup } from "./scenarios/lookup.ts";
import { memory } from "./scenarios/memory.ts";
import { peers } from "./scenarios/peers.ts";
import { revocation } from "./scenarios/revocation.ts";
import { scale } from "./scenarios/scale.ts";

export const SCENARIOS: readonly Scenario[] = [lookup, peers, http, revocation, memory, scale];
