/**
 * The Lua scripts of the drop-in stores. They have a table of their own, so that the core of the package does not contain them.
 */
import { createRecordScript as create } from "./create.js";
import { enlistMemberScript as enlist } from "./enlist.js";
import { readMembersScript as members } from "./members.js";
import { readRecordScript as read } from "./read.js";
import { removeRecordScript as remove } from "./remove.js";
import { replaceRecordScript as replace } from "./replace.js";
import { strikeMembersScript as strike } from "./strike.js";
import { touchRecordScript as touch } from "./touch.js";

export const dropInScripts = { create, enlist, members, read, remove, replace, strike, touch } as const;
