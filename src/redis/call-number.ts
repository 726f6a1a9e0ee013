/**
 * The numbers of calls, by which a reply is known to be that of its call. A client that mixes replies up could tell one call that
 * its session has ended because that of another call has. So a call sends its number, and the script gives it back with its
 * reply (see `numbered` in linker.ts). It knows no script.
 */
import { randomInt } from "node:crypto";
import { foreignReply, isNumbered, unknownReply } from "./replies.js";

/** By chance, so that no two processes have the same numbers: a proxy between them and Redis could mix up the replies of both. */
let last = randomInt(2 ** 46);

/** The number of a call that begins now. A call that is sent again keeps its number. */
export function newNumber(): string {
  return `${(++last).toString(36)}#`;
}

/** What a script has replied to the call with this number. Throws if the reply is not of that form, or is that to another call. */
export function replyTo(number: unknown, reply: unknown): unknown {
  const first: unknown = Array.isArray(reply) ? reply[0] : reply;
  if (!isNumbered(first) || !first.startsWith(`${number}`)) throw unknownReply(reply);
  const own = first.slice(first.indexOf("#") + 1);
  return Array.isArray(reply) ? [own, ...reply.slice(1)] : own;
}

/** A script that only gives a number back. */
export const PROOF = { source: "return ARGV[1]", sha: "" };

/**
 * Sends a command whose reply names no call, as that of `WAIT` or `SCAN`, and right behind it, through the same connection, the
 * proof. A connection that has lost count of its replies gives each command that of an earlier or a later one, so the proof does
 * not get its number: then this rejects.
 */
export async function inStep<Reply>(
  command: () => Promise<Reply>,
  prove: (number: string) => Promise<unknown>,
): Promise<Reply> {
  const number = newNumber();
  const [reply, proof] = await Promise.all([command(), prove(number)]);
  if (proof !== number) throw proof === "QUEUED" ? unknownReply(proof) : foreignReply();
  return reply;
}
