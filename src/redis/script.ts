/** What a Lua script is to the rest of the package. */
import { createHash } from "node:crypto";
import type { Arguments } from "./clients/client.js";
import { link } from "./linker.js";

/** Decodes a reply, given what the script was sent. Throws for a reply that it never gives to that (see replies.ts). */
export type Decode<Reply> = (reply: unknown, keys: readonly string[], args: Arguments) => Reply;

/** A script as Redis knows it: its source, and the SHA-1 under which `EVALSHA` finds it. */
export interface Script<Reply = unknown> {
  readonly source: string;
  readonly sha: string;
  /** Whether its last argument tells that a `WAIT` follows, which needs a write to wait for: `"1"` or `""`. */
  readonly traced: boolean;
  readonly decode: Decode<Reply>;
}

/** Makes a script from its preludes and its own body. */
export function script<Reply>(decode: Decode<Reply>, ...parts: string[]): Script<Reply> {
  const source = link(parts);
  return { source, sha: createHash("sha1").update(source).digest("hex"), traced: false, decode };
}

/** The same for a script that revokes, and must know whether a `WAIT` follows. */
export function tracedScript<Reply>(decode: Decode<Reply>, ...parts: string[]): Script<Reply> {
  return { ...script(decode, ...parts), traced: true };
}
