/** Reading the index of a user: see members.lua. */
import type { Keyspace } from "../../redis/keyspace.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import source from "./members.lua";

export const readMembersScript = script(memberPageOf, source);

/** A session id, and until when it may live, epoch ms. */
export type Member = readonly [sid: string, score: number];

/**
 * Every member of an index, a page at a time. A member may come twice. A member that stays in the index comes at least once,
 * even if its score changes.
 */
export async function* readMembers(keyspace: Keyspace, index: string, about: number): AsyncGenerator<Member[]> {
  let cursor = "0";
  do {
    const [next, page] = await keyspace.run(readMembersScript, [index], [cursor, about]);
    if (page.length > 0) yield page;
    cursor = next;
  } while (cursor !== "0");
}

function memberPageOf(reply: unknown): [next: string, page: Member[]] {
  const [cursor, flat]: unknown[] = Array.isArray(reply) && reply.length === 2 ? reply : [];
  const next = String(cursor);
  if (!/^\d+$/.test(next) || !Array.isArray(flat) || flat.length % 2 === 1) throw unknownReply(reply);
  const page: Member[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const [sid, score]: unknown[] = [flat[at], Number(flat[at + 1])];
    if (typeof sid !== "string" || typeof score !== "number" || Number.isNaN(score)) throw unknownReply(reply);
    page.push([sid, score]);
  }
  return [next, page];
}
