/** The Lua scripts of the store, one for each verb, with the preludes that each one builds on. */
import prelude from "../../redis/prelude.lua";
import { script } from "../../redis/script.js";
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
import touch from "./touch.lua";
import unblock from "./unblock.lua";
import unlist from "./unlist.lua";
import update from "./update.lua";
import updateUser from "./update-user.lua";

export const scripts = {
  block: script(prelude, record, index, block),
  create: script(prelude, record, index, create),
  get: script(get),
  getBlock: script(prelude, record, getBlock),
  list: script(prelude, record, index, list),
  revoke: script(prelude, record, index, revoke),
  revokeUser: script(prelude, record, index, revokeUser),
  rotate: script(prelude, record, index, rotate),
  touch: script(touch),
  unblock: script(unblock),
  unlist: script(prelude, record, index, unlist),
  update: script(prelude, record, update),
  updateUser: script(prelude, record, index, updateUser),
} as const;
