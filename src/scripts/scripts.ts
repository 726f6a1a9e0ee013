/** The Lua scripts of the store, one for each verb, with the prelude that each one builds on. */
import block from "./block.lua";
import create from "./create.lua";
import get from "./get.lua";
import getBlock from "./get-block.lua";
import index from "./index.lua";
import list from "./list.lua";
import record from "./record.lua";
import revoke from "./revoke.lua";
import revokeUser from "./revoke-user.lua";
import rotate from "./rotate.lua";
import { script } from "./script.js";
import touch from "./touch.lua";
import unblock from "./unblock.lua";
import unlist from "./unlist.lua";
import update from "./update.lua";
import updateUser from "./update-user.lua";

export const scripts = {
  block: script(record, index, block),
  create: script(record, index, create),
  get: script(get),
  getBlock: script(record, getBlock),
  list: script(record, index, list),
  revoke: script(record, index, revoke),
  revokeUser: script(record, index, revokeUser),
  rotate: script(record, index, rotate),
  touch: script(touch),
  unblock: script(unblock),
  unlist: script(record, index, unlist),
  update: script(record, update),
  updateUser: script(record, index, updateUser),
} as const;
