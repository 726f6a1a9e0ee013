/**
 * The masters of a client, and what is needed to go through all of their keys: who serves which slots, what time it is there,
 * and the pages of `SCAN`. It knows what a key begins with, but not what any key holds.
 */
import { inStep } from "../call-number.js";
import type { ClientPort, ServerPort } from "../clients/client.js";
import { foreignReply, textsOf, unknownReply } from "../replies.js";
import { slotOf } from "./slot.js";

/** One server that serves keys. */
export interface Master {
  readonly server: ServerPort;
  /** Its clock, epoch ms, when it was asked. */
  readonly now: number;
}

/** The masters at one moment. */
export interface Topology {
  readonly masters: readonly Master[];
  /** Who serves which slots, as the masters say it: the same text as long as that stays so. Empty for a single server. */
  readonly view: string;
}

/** The cursor of the next page, or "0" at the end; and the keys that were found. */
export type ScanPage = readonly [cursor: string, found: string[]];

/** Sends a question to a server, and rejects with `StoreUnavailableError` if the deadline of them all passes first. */
export type InTime = <T>(ask: () => Promise<T>) => Promise<T>;

/** How long to wait before another look at a client that does not know every master yet, ms. */
const LOOK_AGAIN = 25;

/** A script that does nothing, but makes a client for a Cluster find the nodes, and the slot of its key. */
export const NOTHING = { source: "return 1", sha: "" };

/**
 * Finds the masters. In a Cluster it waits until the client knows every master that serves slots; the deadline of `inTime` ends
 * that wait.
 */
export async function findMasters(client: ClientPort, inTime: InTime): Promise<Topology> {
  // A Cluster that is not connected yet knows no nodes. It sends its first command when it knows them.
  if (client.servers("master").length === 0) await inTime(() => client.evaluate(NOTHING, false, ["coatcheck"], []));
  for (;;) {
    const servers = client.servers("master");
    const views = client.inCluster ? await Promise.all(servers.map((server) => slotsOn(server, inTime))) : [];
    const owners = new Map(views.flat().map((range) => [range.owner, range]));
    if (!client.inCluster || (servers.length > 0 && owners.size === servers.length)) {
      const masters = await Promise.all(servers.map((server) => askTime(server, inTime)));
      return { masters, view: views.map((ranges) => ranges.map(({ text }) => text).join()).join("\n") };
    }
    // The client finds a master that it does not know when it sends it a script and another node says where it is.
    await inTime(() => new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN)));
    for (const { from } of owners.values()) await inTime(() => client.evaluate(NOTHING, false, [keyIn(from)], []));
  }
}

/**
 * Reads one page of the keys on a server that begin with a prefix: the page after the `cursor`, which is `"0"` for the first. The
 * server looks at `about` keys. `own`: what the client puts before keys.
 */
export async function keyPageOn(
  server: ServerPort,
  cursor: string,
  { own, prefix, about }: { readonly own: string; readonly prefix: string; readonly about: number },
  inTime: InTime,
): Promise<ScanPage> {
  // The client does not put its prefix before patterns. It stays on the keys that come back.
  const pattern = `${escapePattern(own + prefix)}*`;
  // The end of another scan would look like the end of this one.
  const scan = () => inStep(() => server.scan(cursor, pattern, about), server.prove);
  const [next, found] = scanPageOf(await inTime(scan));
  if (!found.every((key) => key.startsWith(own + prefix))) throw foreignReply();
  return [next, found.map((key) => key.slice(own.length))];
}

function scanPageOf(reply: unknown): ScanPage {
  const [cursor, found]: unknown[] = Array.isArray(reply) && reply.length === 2 ? reply : [];
  if (!/^\d+$/.test(String(cursor)) || !Array.isArray(found)) throw unknownReply(reply);
  return [String(cursor), found.length === 0 ? [] : textsOf(found)];
}

/** A text as a pattern of `SCAN` that matches nothing else. */
function escapePattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}

/** The reply of `TIME` as epoch ms; `NaN` for any other reply. */
export function instantOf(time: unknown): number {
  const [seconds, micros] = Array.isArray(time) ? time : [];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

async function askTime(server: ServerPort, inTime: InTime): Promise<Master> {
  const time = await inTime(() => server.time());
  const now = instantOf(time);
  if (Number.isNaN(now)) throw unknownReply(time);
  return { server, now };
}

interface SlotRange {
  readonly from: number;
  readonly owner: string;
  readonly text: string;
}

/** Who serves which slots, as one node says it: `CLUSTER SLOTS` lists for each range the master first, with its node id. */
async function slotsOn(server: ServerPort, inTime: InTime): Promise<SlotRange[]> {
  const reply = await inTime(() => server.cluster("SLOTS"));
  if (!Array.isArray(reply)) throw unknownReply(reply);
  return reply.map((range: unknown) => {
    const [from, to, master]: unknown[] = Array.isArray(range) ? range : [];
    if (!Array.isArray(master)) throw unknownReply(reply);
    const owner = `${master[0]}:${master[1]}`;
    return { from: Number(from), owner, text: `${from}-${to} ${master[2] ?? owner}` };
  });
}

/** A key that lies in a slot. */
function keyIn(slot: number): string {
  for (let at = 0; ; at++) if (slotOf(`{${at}}`) === slot) return `{${at}}`;
}
