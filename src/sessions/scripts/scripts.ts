/** The Lua scripts of the store by name, for code that needs them all. A verb calls a script by the function beside it. */
import { arrivalsScript } from "./arrivals.js";
import { beatScript } from "./beat.js";
import { blockScript } from "./block.js";
import { createScript } from "./create.js";
import { getScript } from "./get.js";
import { getBlockScript } from "./get-block.js";
import { leaveEndingScript } from "./leave-ending.js";
import { listScript } from "./list.js";
import { logInScript } from "./log-in.js";
import { revokeScript } from "./revoke.js";
import { revokeAllGuestScript } from "./revoke-all-guest.js";
import { revokeAllSessionScript } from "./revoke-all-session.js";
import { revokeAllUserScript } from "./revoke-all-user.js";
import { revokeUserScript } from "./revoke-user.js";
import { rotateScript } from "./rotate.js";
import { touchScript } from "./touch.js";
import { trailScript } from "./trail.js";
import { tryPublishScript } from "./try-publish.js";
import { unblockScript } from "./unblock.js";
import { unlistScript } from "./unlist.js";
import { updateScript } from "./update.js";
import { updateArrivalsScript } from "./update-arrivals.js";
import { updateUserScript } from "./update-user.js";

export const scripts = {
  arrivals: arrivalsScript,
  beat: beatScript,
  block: blockScript,
  create: createScript,
  get: getScript,
  getBlock: getBlockScript,
  leaveEnding: leaveEndingScript,
  list: listScript,
  logIn: logInScript,
  revoke: revokeScript,
  revokeAllGuest: revokeAllGuestScript,
  revokeAllSession: revokeAllSessionScript,
  revokeAllUser: revokeAllUserScript,
  revokeUser: revokeUserScript,
  rotate: rotateScript,
  touch: touchScript,
  trail: trailScript,
  tryPublish: tryPublishScript,
  unblock: unblockScript,
  unlist: unlistScript,
  update: updateScript,
  updateArrivals: updateArrivalsScript,
  updateUser: updateUserScript,
} as const;
