/**
 * The contract of sessions over HTTP: black-box requests over a real socket, the same for every framework that has an
 * adapter. It knows no framework; each test file brings one.
 */
import { describe } from "vitest";
import { describeAnswers } from "./contract/answers.js";
import type { Framework } from "./contract/app.js";
import { describeClaimChanges } from "./contract/claims.js";
import { describeCookies } from "./contract/cookies.js";
import { describeCredentials } from "./contract/credentials.js";
import { describeCsrf } from "./contract/csrf.js";
import { describeErrors } from "./contract/errors.js";
import { describeFreshness } from "./contract/freshness.js";
import { describeGuard } from "./contract/guard.js";
import { describeJwts } from "./contract/jwts.js";
import { describeLasting } from "./contract/lasting.js";
import { describeLogIn } from "./contract/log-in.js";
import { describeLogOut } from "./contract/log-out.js";
import { describeOutage } from "./contract/outage.js";
import { describePages } from "./contract/pages.js";
import { HttpRig, type RigOptions } from "./contract/rig.js";
import { describeRoundTrips } from "./contract/roundtrips.js";
import { describeRubbish } from "./contract/rubbish.js";
import { describeTransports } from "./contract/transports.js";
import { describeUnconfirmed } from "./contract/unconfirmed.js";

/** Holds a framework's adapter to the contract. */
export function describeHttpContract(name: string, framework: Framework, options?: RigOptions): void {
  describe(name, () => {
    const rig = new HttpRig(framework, options);
    describeCookies(rig);
    describeRubbish(rig);
    describeTransports(rig);
    describeCredentials(rig);
    describeJwts(rig);
    describeCsrf(rig);
    describeLogIn(rig);
    describeLasting(rig);
    describeLogOut(rig);
    describeUnconfirmed(rig);
    describeAnswers(rig);
    describeClaimChanges(rig);
    describeGuard(rig);
    describeFreshness(rig);
    describePages(rig);
    describeErrors(rig);
    describeRoundTrips(rig);
    describeOutage(rig);
  });
}
