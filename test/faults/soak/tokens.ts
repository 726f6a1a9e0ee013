/**
 * One-time tokens during a soak: each is used up exactly once, however many try at once on several connections, and never
 * after it was voided or has expired.
 */
import { setTimeout as wait } from "node:timers/promises";
import { IssueLimitError, type OneTimeTokens } from "../../../src/one-time.js";
import type { Dice } from "../../harness/dice.ts";
import { type Calls, type Line, UNSURE } from "./calls.ts";

/** One-time tokens on each of the clients: those that live for long, and those that soon expire. */
export interface TokenDesk {
  readonly line: Line;
  readonly lasting: OneTimeTokens;
  readonly brief: OneTimeTokens;
}

export const BRIEF_TTL = 1000;
/** How far the clocks of this process and of Redis, which are one, may be apart by rounding and by a slow event loop, ms. */
const SLACK = 5;

/**
 * The life of one token of a subject whom nobody else deals with meanwhile. `false`: nobody may deal with this subject any
 * more, because a call that got no answer may yet void a token that it does not know of, or because of the limit.
 */
export async function useToken(
  desks: readonly TokenDesk[],
  subject: string,
  dice: Dice,
  calls: Calls,
): Promise<boolean> {
  const brief = dice.chance(0.2);
  const tokensOf = (desk: TokenDesk) => (brief ? desk.brief : desk.lasting);
  const issue = () => {
    const desk = dice.pick(desks);
    return calls.make(desk.line, "issue", () => tokensOf(desk).issue({ subject, data: { subject } }), [
      IssueLimitError,
    ]);
  };
  const consume = (token: string) => {
    const desk = dice.pick(desks);
    return calls.make(desk.line, "consume", () => tokensOf(desk).consume(token));
  };
  const broke = (what: string) =>
    calls.breaks(`a one-time token (${brief ? "brief" : "lasting"}) of ${subject} ${what}`);

  const issued = await issue();
  if (issued === UNSURE || issued instanceof IssueLimitError) return false;
  const { token, expiresAt } = issued;

  if (dice.chance(0.2)) {
    const next = await issue();
    if (next === UNSURE || next instanceof IssueLimitError) return false;
    const late = await consume(token);
    if (late !== UNSURE && late !== null) broke("worked after a new one was issued");
    const spent = await consume(next.token);
    if (spent === null && Date.now() < next.expiresAt - SLACK) broke("did not work, and was valid");
    return true;
  }
  if (dice.chance(0.1)) {
    const desk = dice.pick(desks);
    const voided = await calls.make(desk.line, "revokeForSubject", () => tokensOf(desk).revokeForSubject(subject));
    if (voided === UNSURE) return false;
    const late = await consume(token);
    if (late !== UNSURE && late !== null) broke("worked after it was voided");
    return true;
  }
  if (brief && dice.chance(0.5)) {
    await wait(Math.max(0, expiresAt - Date.now()) + SLACK);
    const late = await consume(token);
    if (late !== UNSURE && late !== null) broke("worked after it had expired");
    return true;
  }

  const race = await Promise.all(Array.from({ length: dice.within(1, 4) }, () => consume(token)));
  const ended = Date.now();
  const used = race.filter((one) => one !== UNSURE && one !== null).length;
  if (used > 1) broke(`was used ${used} times`);
  // One that got no answer may be the one who used it.
  if (used === 0 && !race.includes(UNSURE) && ended < expiresAt - SLACK) broke("was valid, and nobody could use it");
  const again = await consume(token);
  if (used === 1 && again !== UNSURE && again !== null) broke("was used a second time");
  return true;
}
