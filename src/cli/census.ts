/** Counting what is in Redis, by going through the keys of every master. It reads names, and the sizes of a few keys. */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { Work } from "./work.js";

/** How many keys a master looks at for one page. */
const KEYS_IN_PAGE = 1000;

/** Of how many keys of a kind the size is asked. */
const SAMPLES = 200;

/** How many pages are searched for the prefixes of other stores. */
const PAGES_FOR_PREFIXES = 50;

export interface Kind {
  count: number;
  /** Evenly from all keys of the kind. */
  readonly samples: string[];
}

export type KindName = "sessions" | "users" | "blocks" | "passing";

export interface Census {
  readonly kinds: Readonly<Record<KindName, Kind>>;
  /** Keys that begin with the prefix, and are no keys of a session store. */
  other: number;
}

const LETTERS: Readonly<Record<string, KindName>> = { s: "sessions", u: "users", b: "blocks" };

/** Counts the keys under the prefix of the store. `onPage` is told how many keys the servers have looked at, at least. */
export async function takeCensus(work: Work, onPage: (looked: number) => void = () => {}): Promise<Census> {
  const kind = (): Kind => ({ count: 0, samples: [] });
  const census: Census = { kinds: { sessions: kind(), users: kind(), blocks: kind(), passing: kind() }, other: 0 };
  const { prefix } = work.keys;
  let looked = 0;
  // A key may come twice when Redis makes its table larger; then the numbers are a little too high.
  for await (const page of pagesUnder(work, prefix)) {
    for (const key of page) {
      const [, letter] = /^\{[0-9A-Z]{3}\}:([a-z]):/.exec(key.slice(prefix.length)) ?? [];
      if (letter === undefined) census.other++;
      else note(census.kinds[LETTERS[letter] ?? "passing"], key);
    }
    looked += KEYS_IN_PAGE;
    onPage(looked);
  }
  return census;
}

/** Algorithm R: each key of the kind is as likely among the samples as any other. */
function note(kind: Kind, key: string): void {
  kind.count++;
  if (kind.samples.length < SAMPLES) kind.samples.push(key);
  else {
    const at = Math.floor(Math.random() * kind.count);
    if (at < SAMPLES) kind.samples[at] = key;
  }
}

/** About how many bytes the keys of a kind take; `null` if the server does not tell. */
export async function bytesOf({ count, samples }: Kind, work: Work): Promise<number | null> {
  let [bytes, known] = [0, 0];
  for (const key of samples) {
    work.signal.throwIfAborted();
    try {
      const usage = await work.memoryUsage(key);
      if (usage === null) continue;
      bytes += usage;
      known++;
    } catch (error) {
      if (/NOPERM|unknown command/i.test(String(error))) return null;
      throw error;
    }
  }
  return known === 0 ? 0 : Math.round((bytes / known) * count);
}

/** How many keys the masters have, with those of others; 0 if they do not tell. */
export async function keysInAll({ door }: Work): Promise<number> {
  const masters = (await door.inspect()).filter(({ info }) => info["role"] !== "slave");
  const databases = masters.flatMap(({ info }) => Object.entries(info).filter(([name]) => /^db\d+$/.test(name)));
  return databases.reduce((sum, [, text]) => sum + Number(/^keys=(\d+)/.exec(text)?.[1] ?? 0), 0);
}

/** What to say when a command has found nothing: perhaps the prefix is wrong. Empty if keys begin with it. */
export async function doubtAboutPrefix(work: Work): Promise<string> {
  try {
    for await (const page of pagesUnder(work, work.keys.prefix)) if (page.length > 0) return "";
    const seen = await prefixesSeen(work);
    const nothing = `No key begins with ${JSON.stringify(work.keys.prefix)}: is --prefix right, and --key-prefix?`;
    return seen.length === 0
      ? nothing
      : `${nothing} There are sessions under ${seen.map((one) => JSON.stringify(one)).join(", ")}.`;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError) || !/NOPERM/.test(String(error.cause))) throw error;
    return "Whether the prefix is right cannot be said, because this user may not SCAN (ACL SETUSER <user> +scan).";
  }
}

async function prefixesSeen(work: Work): Promise<string[]> {
  const seen = new Set<string>();
  let pages = 0;
  for await (const page of pagesUnder(work, "")) {
    for (const key of page) {
      const [, prefix] = /^(.*)\{[0-9A-Z]{3}\}:s:[0-9A-Z]{26}$/s.exec(key) ?? [];
      if (prefix !== undefined) seen.add(prefix);
    }
    if (++pages === PAGES_FOR_PREFIXES || seen.size >= 5) break;
  }
  return [...seen].sort();
}

async function* pagesUnder({ door, signal }: Work, prefix: string): AsyncGenerator<readonly string[]> {
  for (const master of (await door.masters()).masters) {
    let cursor = "0";
    do {
      signal.throwIfAborted();
      const [next, keys] = await door.keyPage(master, cursor, prefix, KEYS_IN_PAGE);
      yield keys;
      cursor = next;
    } while (cursor !== "0");
  }
}
