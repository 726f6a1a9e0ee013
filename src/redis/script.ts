/** What a Lua script is to the rest of the package. */
import { createHash } from "node:crypto";
import { newNumber, replyTo } from "./call-number.js";
import type { Arguments } from "./clients/client.js";
import { link, numbered } from "./linker.js";

/** Decodes a reply, given what the script was sent. Throws for a reply that it never gives to that (see replies.ts). */
export type Decode<Reply> = (reply: unknown, keys: readonly string[], args: Arguments) => Reply;

/** A script as Redis knows it: its source, and the SHA-1 under which `EVALSHA` finds it. */
export interface Script<Reply = unknown> {
  readonly source: string;
  readonly sha: string;
  /** Whether its last argument, but for the number, tells that a `WAIT` follows, which needs a write to wait for: `"1"` or `""`. */
  readonly traced: boolean;
  /** Whether the number of the call stands behind its arguments, and in front of its reply (see call-number.ts). */
  readonly numbered: boolean;
  readonly decode: Decode<Reply>;
}

/** Makes a script from its preludes and its own body. */
export function script<Reply>(decode: Decode<Reply>, ...parts: string[]): Script<Reply> {
  const own: Decode<Reply> = (reply, keys, args) => decode(replyTo(args.at(-1), reply), keys, args);
  return { ...scriptOf(own, numbered(link(parts))), numbered: true };
}

/** The same for a script that revokes, and must know whether a `WAIT` follows. */
export function tracedScript<Reply>(decode: Decode<Reply>, ...parts: string[]): Script<Reply> {
  return { ...script(decode, ...parts), traced: true };
}

/** The same for a script that runs so often that a number would cost too much: `decode` must tell a reply to another call. */
export function lookUpScript<Reply>(decode: Decode<Reply>, body: string): Script<Reply> {
  return scriptOf(decode, body);
}

function scriptOf<Reply>(decode: Decode<Reply>, source: string): Script<Reply> {
  return { source, sha: createHash("sha1").update(source).digest("hex"), traced: false, numbered: false, decode };
}

/** The arguments with which a call sends a script. They stay the same if it sends it again. */
export function sentWith({ numbered }: Script, args: Arguments): Arguments {
  return numbered ? [...args, newNumber()] : args;
}
