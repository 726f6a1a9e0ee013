/** What the scripts of the drop-in stores reply, in the forms that several of them share. Anything else is an error. */
import { unknownReply } from "../../redis/replies.js";

/** The result of a write: it is done, there is no session, or another record is there than the expected one. */
export type Outcome = "ok" | "none" | Conflict;

/** Another record was there, and nothing was written. */
export interface Conflict {
  readonly conflict: string;
}

/** A reply of `'ok'`, `'none'`, or `{'conflict', record}`, the first two also as the only part of a list. */
export function outcomeOf(reply: unknown): Outcome {
  if (reply === "ok" || reply === "none") return reply;
  if (Array.isArray(reply)) {
    const [status, text]: unknown[] = reply;
    if (reply.length === 1 && (status === "ok" || status === "none")) return status;
    if (reply.length === 2 && status === "conflict" && typeof text === "string") return { conflict: text };
  }
  throw unknownReply(reply);
}
