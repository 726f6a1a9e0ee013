/** The Lua scripts of the drop-in stores. A table of their own, so that the core of the package does not carry them. */
import { createScript as create } from "./create.js";
import { enlistScript as enlist } from "./enlist.js";
import { membersScript as members } from "./members.js";
import { readScript as read } from "./read.js";
import { removeScript as remove } from "./remove.js";
import { replaceScript as replace } from "./replace.js";
import { strikeScript as strike } from "./strike.js";
import { touchScript as touch } from "./touch.js";

export const dropInScripts = { create, enlist, members, read, remove, replace, strike, touch } as const;
