/** The Lua scripts, one for each verb, with the prelude that each one builds on. */
import { createHash } from "node:crypto";
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
import update from "./update.lua";
import updateUser from "./update-user.lua";

/** A script as Redis knows it: its source, and the SHA-1 under which `EVALSHA` finds it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

function script(...parts: string[]): Script {
  const source = parts.join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

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
  update: script(record, update),
  updateUser: script(record, index, updateUser),
} as const;
