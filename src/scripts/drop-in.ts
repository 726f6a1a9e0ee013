/** The Lua scripts of the drop-in stores. A table of their own, so that the core of the package does not carry them. */
import create from "./drop-in-create.lua";
import enlist from "./drop-in-enlist.lua";
import read from "./drop-in-read.lua";
import remove from "./drop-in-remove.lua";
import replace from "./drop-in-replace.lua";
import strike from "./drop-in-strike.lua";
import touch from "./drop-in-touch.lua";
import { script } from "./script.js";

export const dropInScripts = {
  create: script(create),
  enlist: script(enlist),
  read: script(read),
  remove: script(remove),
  replace: script(replace),
  strike: script(strike),
  touch: script(touch),
} as const;
