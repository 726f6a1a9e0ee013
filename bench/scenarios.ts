/** All scenarios, in the order in which they run. */
import type { Scenario } from "./scenario.ts";
import { clients } from "./scenarios/clients.ts";
import { dropIn } from "./scenarios/drop-in.ts";
import { http } from "./scenarios/http.ts";
import { jwt } from "./scenarios/jwt.ts";
import { lookup } from "./scenarios/lookup.ts";
import { memory } from "./scenarios/memory.ts";
import { near } from "./scenarios/near.ts";
import { peers } from "./scenarios/peers.ts";
import { revocation } from "./scenarios/revocation.ts";
import { scale } from "./scenarios/scale.ts";
import { slide } from "./scenarios/slide.ts";

export const SCENARIOS: readonly Scenario[] = [
  lookup,
  clients,
  near,
  slide,
  peers,
  dropIn,
  jwt,
  http,
  revocation,
  memory,
  scale,
];
