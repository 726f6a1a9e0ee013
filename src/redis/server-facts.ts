/**
 * What servers tell of themselves: the questions of `check`, and the answers. It judges nothing. If a server refuses a question
 * or does not answer, that is a fact too.
 */
import { StoreUnavailableError } from "../leaves/errors.js";
import type { ClientPort, ServerPort } from "./clients/client.js";
import { type InTime, instantOf, NOTHING } from "./cluster/masters.js";
import { ignoreOutage, isReply } from "./redis-errors.js";
import { foreignReply } from "./replies.js";
import { askForRights, type NeededRights } from "./rights.js";

/** What a server says of itself. */
export interface ServerFacts {
  /** `INFO`, by field. */
  readonly info: Readonly<Record<string, string>>;
  /** `CONFIG GET`, by parameter; without parameters that the server does not know or does not tell. */
  readonly config: Readonly<Record<string, string>>;
  /** How far its clock is ahead of this process's, ms; `null` if it does not tell the time. */
  readonly clockAhead: number | null;
  /** Where the client reaches it, `host:port`; absent where the client does not say. */
  readonly address?: string | undefined;
  /** The commands that it refused. */
  readonly refusals?: readonly RefusedCommand[];
  /** The commands that the user may not run in scripts. */
  readonly deniedInScripts?: readonly string[];
  /** Why it could not be asked at all; absent if it has answered. */
  readonly failure?: string;
}

/** A command that a server refused. */
export interface RefusedCommand {
  readonly command: string;
  /** The code of its reply, such as `NOPERM`. */
  readonly code: string;
}

/** How long to wait before another look at a client that is connecting, ms. */
const CONNECTING_PAUSE = 10;

const PARAMETERS = ["save", "appendfsync", "hash-max-listpack-value"];

/**
 * Asks the servers of a client: one, or every node of a Cluster, the masters first. Rejects with `StoreUnavailableError`
 * if none answers. `needed`: also tries whether the user may run these commands.
 */
export async function inspectServers(
  client: ClientPort,
  inTime: InTime,
  needed?: NeededRights,
): Promise<ServerFacts[]> {
  if (client.inCluster && !client.isReady) {
    const refused = await connectOrRefused(client, inTime);
    if (refused !== null) return refused;
  }
  return inspectNodes(client, inTime, needed);
}

/**
 * Waits until a Cluster client that is not connected yet knows its nodes. Only then it is asked, because a connected one would
 * send the script below to a node that may not answer. Gives the facts at once if the nodes refuse what the client needs to
 * connect: then it never does, and its nodes come and go.
 */
async function connectOrRefused(client: ClientPort, inTime: InTime): Promise<ServerFacts[] | null> {
  let isOver = false;
  const connecting = inTime(() => client.evaluate(NOTHING, false, ["coatcheck"], []))
    .catch(ignoreOutage)
    .then(() => {
      isOver = true;
      return [];
    });
  const isRefused = ({ refusals = [] }: ServerFacts) => refusals.some(({ command }) => command.startsWith("CLUSTER"));
  while (!isOver) {
    const asking = inspectNodes(client, inTime).catch((error: unknown) => {
      ignoreOutage(error);
      return [];
    });
    const facts = await Promise.race([asking, connecting]);
    if (facts.some(isRefused)) return facts;
    await Promise.race([connecting, new Promise((resolve) => setTimeout(resolve, CONNECTING_PAUSE))]);
  }
  return null;
}

async function inspectNodes(client: ClientPort, inTime: InTime, needed?: NeededRights): Promise<ServerFacts[]> {
  const nodes = client.servers("all");
  if (nodes.length === 0) throw new StoreUnavailableError("Redis cannot be reached");
  const { inCluster } = client;
  const outcomes = await Promise.allSettled(nodes.map((node) => inTime(() => inspectNode(node, inCluster, needed))));
  const lost = outcomes.filter((outcome) => outcome.status === "rejected");
  if (lost.length === outcomes.length) throw lost[0]?.reason;
  return outcomes.map((outcome, at) =>
    outcome.status === "fulfilled" ? outcome.value : unreachableServer(nodes[at] as ServerPort, outcome.reason),
  );
}

function unreachableServer(node: ServerPort, reason: unknown): ServerFacts {
  if (!(reason instanceof StoreUnavailableError)) throw reason;
  return {
    info: {},
    config: {},
    clockAhead: null,
    address: node.address,
    failure: reason.message.replace(/;.*/, ""),
  };
}

async function inspectNode(node: ServerPort, inCluster: boolean, needed?: NeededRights): Promise<ServerFacts> {
  const refusals: RefusedCommand[] = [];
  const ask = async <T>(command: string, question: Promise<T>): Promise<T | undefined> => {
    try {
      return await question;
    } catch (error) {
      const code = refusalOf(error);
      if (code === undefined) throw error;
      if (!refusals.some((refusal) => refusal.command === command)) refusals.push({ command, code });
      return undefined;
    }
  };
  // Sent with the others, so that it takes no further round trip.
  const denied = needed === undefined ? undefined : node.trials && askForRights(node.trials, needed);
  // Awaited below; if another question fails first, its failure is the answer.
  denied?.catch(() => {});
  const before = Date.now();
  const [time, info, ...values] = await Promise.all([
    ask("TIME", node.time()),
    ask("INFO", node.info()),
    ...PARAMETERS.map((name) => ask("CONFIG GET", configOf(node, name))),
    // What the client itself needs to ask.
    ...(inCluster
      ? [ask("CLUSTER SLOTS", asked(node.cluster("SLOTS"))), ask("CLUSTER INFO", asked(node.cluster("INFO")))]
      : []),
  ]);
  const after = Date.now();
  const instant = time === undefined ? null : instantOf(time);
  if (Number.isNaN(instant)) throw unknownAnswer("TIME");
  const { sent = [], inScripts = [] } = (await denied) ?? {};
  return {
    info: info === undefined ? {} : infoFields(info),
    config: Object.assign({}, ...values),
    // The first reply came within half of the time that all of them took.
    clockAhead: instant === null ? null : Math.round(instant - (before + after) / 2),
    address: node.address,
    refusals: [...refusals, ...sent.map((command) => ({ command, code: "NOPERM" }))],
    deniedInScripts: inScripts,
  };
}

/** The code with which a server refuses a command; `undefined` for any other failure. */
function refusalOf(error: unknown): string | undefined {
  // Hosted servers have other words for what they do not allow or do not know.
  return ["NOPERM", "ERR"].find((code) => isReply(error, `${code} `));
}

function infoFields(info: unknown): Record<string, string> {
  if (typeof info !== "string") throw unknownAnswer("INFO");
  const fields = info.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(":");
    return line.startsWith("#") || colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  if (fields.length === 0) throw unknownAnswer("INFO");
  return Object.fromEntries(fields);
}

/** `CONFIG GET`, for which a client gives an object with RESP3 and an array with RESP2. */
async function configOf(node: ServerPort, parameter: string): Promise<Record<string, string>> {
  const reply = await node.configOf(parameter);
  if (typeof reply !== "object" || reply === null) throw unknownAnswer("CONFIG GET");
  const [name, value]: unknown[] = Array.isArray(reply) ? reply : (Object.entries(reply)[0] ?? []);
  if (name === undefined) return {};
  if (name !== parameter) throw foreignReply();
  return { [parameter]: String(value) };
}

async function asked(question: Promise<unknown>): Promise<Record<string, string>> {
  await question;
  return {};
}

function unknownAnswer(command: string): Error {
  return new Error(`Redis gave a reply that ${command} does not give`);
}
