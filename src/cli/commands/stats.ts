/** `coatcheck stats`: how many sessions, users and blocks there are, and how much memory they take. */
import { bytesOf, type KindName, keysInAll, takeCensus } from "../census.js";
import { DONE, NOTHING_FOUND } from "../failure.js";
import { counted } from "../terminal.js";
import type { Work } from "../work.js";
import { sayNothingFound } from "./sessions.js";

const NAMES: Readonly<Record<KindName, string>> = {
  sessions: "sessions",
  users: "users with sessions",
  blocks: "blocked users",
  passing: "keys that pass by themselves",
};

export async function stats(work: Work): Promise<number> {
  const { terminal, signal } = work;
  const progress = terminal.progress("keys", await keysInAll(work));
  const census = await takeCensus(work, (looked) => progress.at(looked)).finally(() => progress.end());
  const rows: [KindName, number, number | null][] = [];
  for (const [name, kind] of Object.entries(census.kinds) as [KindName, (typeof census.kinds)[KindName]][]) {
    rows.push([name, kind.count, await bytesOf(kind, work)]);
  }
  const counts = Object.fromEntries(rows.map(([name, count, bytes]) => [name, { count, bytes }]));
  await terminal.result({ prefix: work.keys.prefix, ...counts, other: { count: census.other } }, async () => {
    await terminal.table(
      ["", "number", "bytes, about", "bytes each"],
      rows.map(([name, count, bytes]) => [
        NAMES[name],
        count,
        bytes,
        bytes === null || count === 0 ? null : Math.round(bytes / count),
      ]),
      signal,
    );
    if (census.other > 0) terminal.line(`${counted(census.other, "other key")} under this prefix.`);
  });
  if (rows.some(([, , bytes]) => bytes === null)) {
    terminal.note("The sizes are unknown: this user may not ask for them (ACL SETUSER <user> +memory|usage).");
  }
  const { sessions, users, blocks } = census.kinds;
  if (sessions.count + users.count + blocks.count > 0) return DONE;
  if (census.other > 0) {
    terminal.note(
      "The sessions of the stores for express-session and koa-session are not counted: they have other keys.",
    );
  }
  await sayNothingFound(work, `There is no session and no block under ${JSON.stringify(work.keys.prefix)}.`);
  return NOTHING_FOUND;
}
