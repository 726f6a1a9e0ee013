/** What a Lua script is to the rest of the package. */
import { createHash } from "node:crypto";

/** A script as Redis knows it: its source, and the SHA-1 under which `EVALSHA` finds it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Makes a script of its preludes and its own body. */
export function script(...parts: string[]): Script {
  const source = parts.join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}
