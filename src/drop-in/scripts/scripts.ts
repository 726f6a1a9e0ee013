/** The Lua scripts of the drop-in stores. A table of their own, so that the core of the package does not carry them. */

import { script } from "../../redis/script.js";
import create from "./create.lua";
import enlist from "./enlist.lua";
import read from "./read.lua";
import remove from "./remove.lua";
import replace from "./replace.lua";
import strike from "./strike.lua";
import touch from "./touch.lua";

export const dropInScripts = {
  create: script(create),
  enlist: script(enlist),
  read: script(read),
  remove: script(remove),
  replace: script(replace),
  strike: script(strike),
  touch: script(touch),
} as const;
