/**
 * Which commands the user of Redis may run, as a server shows when they are tried. It changes no key: the one script that tries
 * the commands may not write, and Redis looks at the rights first. It knows how to try a command, but not who needs it.
 */
import { newNumber, replyTo } from "./call-number.js";
import type { Trials } from "./clients/client.js";
import { isErrorReply, isReply } from "./redis-errors.js";
import { textsOf, unknownReply } from "./replies.js";

/** What the user of a store needs. */
export interface NeededRights {
  /** A key that does not exist, where the user may do all of that. */
  readonly key: string;
  /** The commands that scripts call, and with how many arguments each of them can be tried. */
  readonly inScripts: Readonly<Record<string, number>>;
  /** Whether `WAIT` is sent. */
  readonly wait: boolean;
}

/** The commands that the user may not run. */
export interface DeniedCommands {
  readonly sent: readonly string[];
  /** Only known if the user may call `EVAL`. */
  readonly inScripts: readonly string[];
}

/** No script has this hash. */
const NO_SCRIPT = { source: "", sha: "0".repeat(40) };

/**
 * Tries commands: each gets the same name for every argument. Redis refuses those that would write, but only after it has looked
 * at the rights. Its words for that are "can't run this command" before 7.2, and since then "no permissions to run the 'hset'
 * command"; those for a key or a channel have no "run".
 */
const TRIAL = {
  source: `#!lua flags=no-writes
local denied = {ARGV[1]}
for at = 3, #ARGV, 2 do
  local args = {}
  for n = 1, tonumber(ARGV[at + 1]) do args[n] = ARGV[2] end
  local reply = redis.pcall(ARGV[at], unpack(args))
  local error = type(reply) == 'table' and reply.err
  if error and string.find(error, 'run th', 1, true) then denied[#denied + 1] = ARGV[at] end
end
return denied`,
  sha: "",
};

/** Tries what is needed, in one round trip. Rejects if the server does not answer. */
export async function askForRights(trials: Trials, { key, inScripts, wait }: NeededRights): Promise<DeniedCommands> {
  const number = newNumber();
  const calls = Object.entries(inScripts).flatMap(([command, args]) => [command, String(args)]);
  const [byHash, byText, waited] = await Promise.all([
    denialOf(trials.evaluate(NO_SCRIPT, true, [])),
    denialOf(trials.evaluate(TRIAL, false, [number, key, ...calls])),
    wait ? denialOf(trials.confirm()) : { denied: false },
  ]);
  const sent = Object.entries({ EVALSHA: byHash, EVAL: byText, WAIT: waited });
  return {
    sent: sent.flatMap(([command, { denied }]) => (denied ? [command] : [])),
    inScripts: "reply" in byText ? deniedIn(replyTo(number, byText.reply), inScripts) : [],
  };
}

interface Outcome {
  readonly denied: boolean;
  readonly reply?: unknown;
}

/**
 * Whether a command is denied. Any other error reply says nothing of rights: `NOSCRIPT`, one of a server that does not know the
 * first line of the script, or one of a replica that has no master.
 */
async function denialOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    return { denied: false, reply: await call };
  } catch (error) {
    if (!isErrorReply(error)) throw error;
    return { denied: isReply(error, "NOPERM ") };
  }
}

function deniedIn(reply: unknown, inScripts: NeededRights["inScripts"]): string[] {
  const [, ...commands] = textsOf(reply);
  if (!commands.every((command) => command in inScripts)) throw unknownReply(reply);
  return commands;
}
