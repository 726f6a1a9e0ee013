/**
 * For each script a call by its function, with every argument that it can be given, and one reply for each status of its
 * header. script-functions.test.ts compares them with the Lua files.
 */
import { runConsume } from "../src/one-time/scripts/consume.js";
import { runIssue } from "../src/one-time/scripts/issue.js";
import { runPeek } from "../src/one-time/scripts/peek.js";
import { runRevokeForSubject } from "../src/one-time/scripts/revoke-for-subject.js";
import { Deadline } from "../src/redis/calls/deadline.js";
import type { RedisDoor } from "../src/redis/redis-door.js";
import { Keys } from "../src/sessions/keys.js";
import { runArrivals } from "../src/sessions/scripts/arrivals.js";
import { runBeat } from "../src/sessions/scripts/beat.js";
import { runBlock } from "../src/sessions/scripts/block.js";
import { runCreate } from "../src/sessions/scripts/create.js";
import { runGet } from "../src/sessions/scripts/get.js";
import { runGetBlock } from "../src/sessions/scripts/get-block.js";
import { runLeaveEnding } from "../src/sessions/scripts/leave-ending.js";
import { runList } from "../src/sessions/scripts/list.js";
import { runLogIn } from "../src/sessions/scripts/log-in.js";
import { runRevoke } from "../src/sessions/scripts/revoke.js";
import { runRevokeAllGuest } from "../src/sessions/scripts/revoke-all-guest.js";
import { runRevokeAllSession } from "../src/sessions/scripts/revoke-all-session.js";
import { runRevokeAllUser } from "../src/sessions/scripts/revoke-all-user.js";
import { runRevokeUser } from "../src/sessions/scripts/revoke-user.js";
import { runRotate } from "../src/sessions/scripts/rotate.js";
import { runTouch } from "../src/sessions/scripts/touch.js";
import { runTrail } from "../src/sessions/scripts/trail.js";
import { runTryPublish } from "../src/sessions/scripts/try-publish.js";
import { runUnblock } from "../src/sessions/scripts/unblock.js";
import { runUnlist } from "../src/sessions/scripts/unlist.js";
import { runUpdate } from "../src/sessions/scripts/update.js";
import { runUpdateArrivals } from "../src/sessions/scripts/update-arrivals.js";
import { runUpdateUser } from "../src/sessions/scripts/update-user.js";

export interface ScriptCall {
  readonly call: (redis: RedisDoor) => Promise<unknown>;
  /** Replies that the script gives, at least one for each status. */
  readonly replies: readonly unknown[];
  /** Replies that look like its own, but lack something, or have too much. */
  readonly broken: readonly unknown[];
  /** Replies that the function answers with another call, so they are only decoded here. */
  readonly unsettled?: readonly unknown[];
  /** Replies that say that the slot is moving and are nothing but that: the script is sent again. */
  readonly moving?: readonly unknown[];
}

const recordOf = (name: string) => `1700001800000\n${name}\n1800000\n1700000000000 0 1800000 43200000`;
const RECORD = "h\n\nt\n1700000000000 0 0 1800000 43200000";
const ENDING = "ended hash r 1700000000000 a note";
/** Of a lookup by the hash "hash". */
const REFUSALS = ["none hash", "secret hash", "corrupt hash"];
const LOOKED_UP = recordOf("hash");
/** Of lookups by other hashes, or by none. */
const FOREIGN = [
  recordOf("other"),
  recordOf("hash2"),
  recordOf("has"),
  recordOf(""),
  ...["none", "none other", "secret other", "corrupt other", "ended other r 1700000000000 a note"],
];
const TRAIL = "v\n0\n:cart\n[]";
const ID = "01M813ANQEZQQF0E0QPV2PHR92";
const OTHER = "01M813APN9WQX171PV599DJVG4";
const user = new Keys("p:").user("ada");
const key = "p:{ZQQ}:s:session";
const patch = [":role", '"admin"'];
const deadline = () => new Deadline(1000);

/** By the path of the Lua file in `src`. */
export const scriptCalls: Readonly<Record<string, ScriptCall>> = {
  "sessions/scripts/beat.lua": {
    call: (redis) => runBeat(redis, { key: "p:{000}:c:abcdefghijkl", number: 2, known: 1, ttl: 1000 }),
    replies: ["told", "lost", "mute"],
    broken: [["told"], "heard"],
  },
  "sessions/scripts/try-publish.lua": {
    call: (redis) => runTryPublish(redis, key),
    replies: ["told", "mute"],
    broken: [["told"], "lost"],
  },
  "sessions/scripts/block.lua": {
    call: (redis) => runBlock(redis, { user, until: 1, reason: "fraud", most: 250, note: "fraud", endings: 1 }),
    replies: [["past", "1700000000000"], ["done"], ["more", ID], ["moving", ID], ["moving"]],
    broken: [["past"], ["past", "soon"], ["past", "1", "2"]],
  },
  "sessions/scripts/create.lua": {
    call: (redis) =>
      runCreate(redis, {
        key,
        user,
        secretHash: "hash",
        idleTimeout: 1,
        absoluteTimeout: 2,
        limit: 3,
        onLimit: "reject",
        endings: 1,
        fields: ["u", "ada", ...patch],
      }),
    replies: [
      ["ok", RECORD],
      ["ok", RECORD, ID, OTHER],
      ["blocked", "", ""],
      ["blocked", "1700000000000", "fraud"],
      ["limit"],
      ["again", ID],
      ["corrupt", ID],
      ["taken"],
    ],
    broken: [
      ["ok", ""],
      ["ok", ID],
      ["blocked", ""],
      ["limit", "1"],
      ["taken", ID],
    ],
  },
  "sessions/scripts/get.lua": {
    call: (redis) => runGet(redis, key, "hash"),
    replies: [...REFUSALS, LOOKED_UP],
    unsettled: [ENDING],
    broken: ["ok", ...FOREIGN, ["none hash"], [LOOKED_UP], "ended", [ENDING]],
  },
  "sessions/scripts/get-block.lua": {
    call: (redis) => runGetBlock(redis, user.block),
    replies: [["none"], ["blocked", "1700000000000", "", ""]],
    broken: [["blocked", "1", ""], [RECORD]],
  },
  "sessions/scripts/leave-ending.lua": {
    call: (redis) =>
      runLeaveEnding(redis, { key, secretHash: "hash", cause: { reason: "user", note: "lost" }, endings: 1 }),
    replies: ["left"],
    moving: ["moving"],
    broken: [1, ["left"]],
  },
  "sessions/scripts/list.lua": {
    call: (redis) => runList(redis, { user, after: { score: "1", id: ID }, most: 250 }),
    replies: [
      ["ok", "", ""],
      ["ok", "1", ID, ID, RECORD],
      ["moving", "1", ID, ID],
    ],
    broken: [
      ["ok", ""],
      ["ok", "1", ID, ID],
      ["ok", "1", ID, ID, ""],
      ["moving", "1"],
    ],
  },
  "sessions/scripts/log-in.lua": {
    call: (redis) =>
      runLogIn(
        redis,
        { key, secretHash: "hash", version: "1", alone: true, newId: OTHER, user: "ada", endings: 1 },
        deadline(),
      ),
    replies: [
      ["none"],
      ["secret"],
      ["ended", "ada", "", ID],
      ["ended", "", "moving", ID, OTHER],
      ["moving", OTHER],
      ["superseded"],
      ["conflict", RECORD],
      ["left", TRAIL],
    ],
    broken: [
      ["ended"],
      ["ended", "ada", ""],
      ["ended", "ada", "1", ID],
      ["moving"],
      ["moving", OTHER, ID],
      ["conflict", ID],
      ["left", "none"],
      ["left"],
    ],
  },
  "sessions/scripts/revoke.lua": {
    call: (redis) =>
      runRevoke(redis, {
        key,
        secretHash: "hash",
        alone: true,
        cause: { reason: "revoked", note: "lost" },
        endings: 1,
      }),
    replies: [["none"], ["secret"], ["ended", "ada", "", ID], ["ended", "", "moving", ID, OTHER], ["moving", OTHER]],
    broken: [
      ["ended"],
      ["ended", "ada", ""],
      ["ended", "ada", "1", ID],
      ["moving"],
      ["moving", OTHER, ID],
      ["superseded"],
    ],
  },
  "sessions/scripts/revoke-all-guest.lua": {
    call: (redis) =>
      runRevokeAllGuest(
        redis,
        { key: `p:{ZQQ}:g:${ID}`, instant: 1700000000000, cause: { reason: "all" }, endings: 1 },
        deadline(),
      ),
    replies: [["none"], ["ended", "", "", ID], ["ended", "", "", `${ID} hash`], ["moving", OTHER]],
    broken: [
      ["none", ID],
      ["ended"],
      ["ended", ""],
      ["ended", "", ""],
      ["ended", "ada", "", ID],
      ["ended", "", "moving", ID],
      ["moving"],
      ["moving", "no id"],
      ["moving", ID, OTHER],
    ],
  },
  "sessions/scripts/revoke-all-session.lua": {
    call: (redis) =>
      runRevokeAllSession(redis, { key, instant: 1700000000000, cause: { reason: "all" }, endings: 1 }, deadline()),
    replies: [["none"], ["ended", "ada", "", ID], ["ended", "", "", ID], ["ended", "ada", "moving", ID]],
    broken: [
      ["none", ID],
      ["ended"],
      ["ended", "ada"],
      ["ended", "ada", ""],
      ["ended", "ada", "there", ID],
      ["moving", ID],
    ],
  },
  "sessions/scripts/revoke-all-user.lua": {
    call: (redis) =>
      runRevokeAllUser(redis, {
        user,
        instant: 1700000000000,
        after: { score: "", id: "" },
        most: 50,
        cause: { reason: "all" },
        endings: 1,
      }),
    replies: [
      ["ok", "", ""],
      ["ok", "1700000000000", ID, ID, OTHER],
      ["moving", "", "", ID],
      ["moving", "1700000000000", ID, ID],
    ],
    broken: [["ok"], ["ok", "1700000000000"], ["moving"], ["done", "", ""]],
  },
  "sessions/scripts/revoke-user.lua": {
    call: (redis) => runRevokeUser(redis, { user, spared: ID, most: 250, cause: { reason: "user" }, endings: 1 }),
    replies: [["done"], ["more", ID], ["moving", ID]],
    broken: [["past", "1"], ["2"]],
  },
  "sessions/scripts/rotate.lua": {
    call: (redis) =>
      runRotate(redis, {
        key,
        newKey: key,
        indexes: "p:{ZQQ}:u:",
        secretHash: "hash",
        newSecretHash: "hash",
        user: "ada",
        reauthenticated: true,
        grace: 1,
        version: "1",
        maxBytes: 1,
        limit: 1,
        endings: 1,
        patch,
      }),
    replies: [
      ["none"],
      ["secret"],
      ["corrupt"],
      ["superseded"],
      ["taken"],
      ["foreign", RECORD],
      ["blocked", "", ""],
      ["blocked", "1700000000000", "fraud"],
      ["size", 17000],
      ["many", 101],
      ["conflict", RECORD],
      ["ok", RECORD],
    ],
    broken: [["superseded", ID], ["foreign"], ["size"], ["size", "much"], ["conflict", ""], ["ok", ID]],
  },
  "sessions/scripts/touch.lua": {
    call: (redis) => runTouch(redis, key, "hash", { usualTimes: " 2 3", due: 1, endings: "1" }),
    replies: [...REFUSALS, LOOKED_UP, ENDING],
    broken: ["ok", ...FOREIGN, ["none hash"], [LOOKED_UP], "ended", [ENDING]],
  },
  "sessions/scripts/trail.lua": {
    call: (redis) => runTrail(redis, { key, secretHash: "hash", user: "ada" }, deadline()),
    replies: ["none", TRAIL],
    broken: ["secret", ["none"], [TRAIL]],
  },
  "sessions/scripts/unblock.lua": {
    call: (redis) => runUnblock(redis, user),
    replies: [["lifted"], ["none"]],
    broken: [1, "lifted", ["lifted", "1"]],
  },
  "sessions/scripts/unlist.lua": {
    call: (redis) => runUnlist(redis, user.index, [ID, OTHER]),
    replies: [0, 2, "1", "1.0"],
    broken: ["none"],
  },
  "sessions/scripts/update.lua": {
    call: (redis) => runUpdate(redis, { key, secretHash: "hash", version: "1", maxBytes: 1, patch }),
    replies: [
      ["none"],
      ["secret"],
      ["corrupt"],
      ["size", 17000],
      ["many", 101],
      ["conflict", ID, RECORD],
      ["ok", ID, RECORD],
      ["gone", "ada"],
      ["gone", ""],
    ],
    unsettled: [["unmarked", "1"]],
    moving: [["moving"]],
    broken: [["size"], ["size", "much"], ["ok", ID], ["ok", ID, ID], ["conflict", RECORD], ["moving", ID]],
  },
  "sessions/scripts/update-user.lua": {
    call: (redis) =>
      runUpdateUser(redis, { user, after: { score: "1", id: ID }, mark: "mark", most: 250, maxBytes: 1, patch }),
    replies: [
      ["size", 17000],
      ["many", 101],
      ["corrupt", ID],
      ["ok", "", "", "", 0],
      ["ok", "1", ID, "mark", 1, ID],
      ["moving", "1", ID, ID],
    ],
    broken: [
      ["corrupt"],
      ["size"],
      ["size", "much"],
      ["many"],
      ["ok", "1"],
      ["ok", "1", ID],
      ["ok", "1", ID, "mark", "one"],
      ["moving", "1"],
    ],
  },
  "sessions/scripts/update-arrivals.lua": {
    call: (redis) => runUpdateArrivals(redis, { user, mark: "mark", read: 1, most: 250, maxBytes: 1, patch }),
    replies: [
      ["lost"],
      ["size", 17000],
      ["many", 101],
      ["corrupt", ID],
      ["ok", 1, 0],
      ["ok", 2, 7, ID],
      ["moving", 2, 0, ID],
    ],
    broken: [["corrupt"], ["size"], ["lost", ID], ["ok", 1], ["ok", "one", 0], ["ok", 1, ID], ["moving", 1]],
  },
  "sessions/scripts/arrivals.lua": {
    call: (redis) => runArrivals(redis, { user, mark: "mark", read: 1, most: 250 }),
    replies: [["lost"], ["ok", "mark", 1], ["ok", "mark", 2, ID]],
    broken: [["lost", ID], ["ok"], ["ok", "mark"], ["ok", "mark", "one"]],
  },
  "one-time/scripts/consume.lua": {
    call: (redis) => runConsume(redis, { key, consumed: key, secretHash: "hash", wait: 1 }),
    replies: ["none", "secret", "corrupt", RECORD],
    broken: ["ok", [RECORD]],
  },
  "one-time/scripts/issue.lua": {
    call: (redis) =>
      runIssue(
        redis,
        { key, log: key, secretHash: "hash", ttl: 1, maxPerHour: 1, subject: "ada", data: "null" },
        deadline(),
      ),
    replies: [["ok", "1700000000000"], ["limit", "1"], ["taken"], ["corrupt"]],
    broken: [["ok", "soon"], ["limit"], ["taken", "1"], ["corrupt", "1"]],
  },
  "one-time/scripts/peek.lua": {
    call: (redis) => runPeek(redis, key, "hash"),
    replies: ["none", "secret", "corrupt", RECORD],
    broken: ["ok", [RECORD]],
  },
  "one-time/scripts/revoke-for-subject.lua": {
    call: (redis) => runRevokeForSubject(redis, { log: key, tokens: key, mark: key }),
    replies: [["voided"], ["none"], ["corrupt"]],
    broken: [1, "corrupt", ["voided", "1"]],
  },
};
