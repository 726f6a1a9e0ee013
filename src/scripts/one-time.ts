/** The Lua scripts of one-time tokens. A table of their own, so that the core of the package does not carry them. */
import consume from "./one-time-consume.lua";
import issue from "./one-time-issue.lua";
import peek from "./one-time-peek.lua";
import revoke from "./one-time-revoke.lua";
import record from "./record.lua";
import { script } from "./script.js";

export const oneTimeScripts = {
  consume: script(record, consume),
  issue: script(record, issue),
  peek: script(record, peek),
  revoke: script(record, revoke),
} as const;
