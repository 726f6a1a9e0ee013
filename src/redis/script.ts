/** What a Lua script is to the rest of the package. */
import { createHash } from "node:crypto";

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
  const source = linked(parts);
  return { source, sha: createHash("sha1").update(source).digest("hex"), traced: false, decode };
}

/** The same for a script that revokes, and must know whether a `WAIT` follows. */
export function tracedScript<Reply>(decode: (reply: unknown) => Reply, ...parts: string[]): Script<Reply> {
  return { ...script(decode, ...parts), traced: true };
}

/**
 * The body of a script after those parts of its preludes that it uses. Redis runs the whole text at each call, and makes every
 * function in it anew: those that nobody calls were a tenth of a revocation.
 */
function linked(parts: readonly string[]): string {
  const body = parts.at(-1) ?? "";
  // Only what stands at the beginning of a line is not inside of a function.
  const definitions = parts.slice(0, -1).flatMap((prelude) => prelude.split(/\n(?=local )/));
  const used: string[] = [];
  const words = wordsOf(body);
  // A function is defined before those that call it.
  for (const definition of definitions.toReversed()) {
    const [, name = ""] = /^local (?:function )?(\w+)/.exec(definition) ?? [];
    if (name !== "" && !words.has(name)) continue;
    used.unshift(definition);
    for (const word of wordsOf(definition)) words.add(word);
  }
  return [...used, body].join("\n");
}

function wordsOf(text: string): Set<string> {
  return new Set(text.match(/\w+/g));
}
