/** The Lua scripts of one-time tokens. A table of their own, so that the core of the package does not carry them. */

import prelude from "../../redis/prelude.lua";
import { script } from "../../redis/script.js";
import consume from "./consume.lua";
import issue from "./issue.lua";
import peek from "./peek.lua";
import revoke from "./revoke.lua";

export const oneTimeScripts = {
  consume: script(prelude, consume),
  issue: script(prelude, issue),
  peek: script(prelude, peek),
  revoke: script(prelude, revoke),
} as const;
