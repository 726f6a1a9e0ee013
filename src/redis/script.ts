/** What a Lua script is to the rest of the package. */
import { createHash } from "node:crypto";
import { link } from "./linker.js";

/** A script as Redis knows it: its source, and the SHA-1 under which `EVALSHA` finds it. */
export interface Script<Reply = unknown> {
  readonly source: string;
  readonly sha: string;
  /** Whether its last argument tells that a `WAIT` follows, which needs a write to wait for: `"1"` or `""`. */
  readonly traced: boolean;
  /** Decodes a reply. Throws for a reply that the script never gives (see replies.ts). */
  readonly decode: (reply: unknown) => Reply;
}

/** Makes a script from its preludes and its own body. */
export function script<Reply>(decode: (reply: unknown) => Reply, ...parts: string[]): Script<Reply> {
  const source = link(parts);
  return { source, sha: createHash("sha1").update(source).digest("hex"), traced: false, decode };
}

/** The same for a script that revokes, and must know whether a `WAIT` follows. */
export function tracedScript<Reply>(decode: (reply: unknown) => Reply, ...parts: string[]): Script<Reply> {
  return { ...script(decode, ...parts), traced: true };
}
