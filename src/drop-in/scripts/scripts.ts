/** The Lua scripts of the drop-in stores. A table of their own, so that the core of the package does not carry them. */

import { script } from "../../redis/script.js";
import create from "./create.lua";
import enlist from "./enlist.lua";
import read from "./read.lua";
import remove from "./remove.lua";
import replace from "./replace.lua";
import strike from "./strike.lua";
import touch from "./touch.lua";

const asItIs = (reply: unknown) => reply;

export const dropInScripts = {
  create: script(asItIs, create),
  enlist: script(asItIs, enlist),
  read: script(asItIs, read),
  remove: script(asItIs, remove),
  replace: script(asItIs, replace),
  strike: script(asItIs, strike),
  touch: script(asItIs, touch),
} as const;
