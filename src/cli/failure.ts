/**
 * What ends a command, and how it is said: in one sentence what is wrong, and in another what to do. It knows the errors of
 * Redis and of TLS by their words, and no command of the command line.
 */
import { isSessionError } from "../leaves/errors.js";
import { printable } from "./printable.js";

/** The exit statuses; docs/cli.md promises them. */
export const DONE = 0;
export const NOTHING_FOUND = 1;
export const WRONG_USAGE = 2;
export const STOPPED = 130;

/** Ends a command with a message and a status. */
export class Failure extends Error {
  override name = "Failure";
  constructor(
    message: string,
    readonly status: number = WRONG_USAGE,
  ) {
    super(message);
  }
}

/** What Redis says of a database that it does not have. */
export const NO_SUCH_DATABASE = /DB index is out of range|invalid DB index/i;

/** A cause of a failure, by the words that Redis or Node.js has for it, and what to say of it. `$1` is what the words name. */
const KNOWN: readonly (readonly [words: RegExp, say: string])[] = [
  [
    /permissions to run the '([\w|]+)' command/,
    "Redis does not allow this user the command $1. Let an administrator run: ACL SETUSER <user> +$1",
  ],
  // Redis 7.0 does not name the command of a script.
  [
    /executing the script can't run this command/,
    "Redis does not allow this user a command that the scripts of coatcheck use. ACL LOG names it; docs/operations.md#access lists all of them",
  ],
  [
    /permissions to access a? ?(?:one of the )?(?:key|keys)|can't access at least one of the keys/,
    "Redis does not allow this user the keys under this prefix. Let an administrator run: ACL SETUSER <user> ~<key-prefix><prefix>*",
  ],
  [
    /permissions to access (?:one of the )?channels?|can't access at least one of the channels/,
    "Redis does not allow this user the channel of the store. Let an administrator run: ACL SETUSER <user> &<key-prefix><prefix>near",
  ],
  [
    /NOPERM/,
    "Redis does not allow this user that. ACL LOG names what it was; docs/operations.md#access lists what is needed",
  ],
  [
    /WRONGPASS|invalid (?:username-password|password)/,
    "Redis refuses the user or the password. Put the right ones into REDIS_URL, as redis://user:password@host:6379",
  ],
  [/NOAUTH/, "Redis asks for a password. Put it into REDIS_URL, as redis://user:password@host:6379"],
  [/^MOVED|\bMOVED \d/, "The server is a node of a Redis Cluster. Add --cluster"],
  [
    /cluster support disabled|Failed to refresh slots cache/,
    "No Redis Cluster answers there. Without a Cluster leave --cluster out; otherwise look whether its nodes are up",
  ],
  [
    /CLUSTERDOWN/,
    "The Redis Cluster cannot serve: some slots have no master. CLUSTER NODES tells which node is missing",
  ],
  [
    /All sentinels are unreachable/,
    "No Sentinel answers, or none knows a master of that name. Check the addresses and --sentinel",
  ],
  [
    /unknown command '?SENTINEL/i,
    "No Sentinel answers there, but a Redis. Give the addresses of the Sentinels, or leave --sentinel out",
  ],
  [NO_SUCH_DATABASE, "Redis has no database of that number. It is what comes after the last / of the address"],
  [/Unknown RESP type|Protocol error/, "What answers there is no Redis. Check --redis or REDIS_URL"],
  [/READONLY/, "The server is a replica. Connect to the master, or add --sentinel or --cluster"],
  [
    /MASTERDOWN/,
    "The server is a replica that has lost its master. Connect to the master, or add --sentinel or --cluster",
  ],
  [/LOADING/, "Redis is still reading its file. Try again when INFO persistence says loading:0"],
  [/\bOOM\b/, "Redis is out of memory. Increase maxmemory"],
  [
    /\bBUSY\b/,
    "Redis is busy with a script that takes long. SCRIPT KILL ends one that has written nothing; otherwise wait",
  ],
  [
    /MISCONF/,
    "Redis takes no writes, because it cannot write its file. Its log says why, such as a full disk; mend that",
  ],
  [
    /NOREPLICAS/,
    "Redis takes no writes, because too few replicas are connected (min-replicas-to-write). INFO replication lists them; bring one back",
  ],
  [
    /max number of clients/,
    "Redis has as many connections as maxclients allows. CLIENT LIST tells whose they are: close some, or increase maxclients",
  ],
  [
    /TRYAGAIN|\bASK \d/,
    "A slot of the Redis Cluster is moving. Run the command again; if it stays so, redis-cli --cluster fix ends a move that was interrupted",
  ],
  [/unknown command/i, "The server does not know a command that is needed. It must be Redis 7 or newer, or Valkey"],
  [/ENOTFOUND|EAI_AGAIN/, "There is no such host. Check --redis or REDIS_URL"],
  [/ECONNREFUSED/, "Nothing listens there. Check --redis or REDIS_URL, and that the server runs"],
  [
    /certificate|CERT_|self.signed|SELF_SIGNED|UNABLE_TO_|wrong version number|SSL|TLS|packet length/i,
    "The TLS connection fails. Use rediss:// for a server with TLS, and give the authority of its certificate with --tls-ca, and if it asks for one your certificate with --tls-cert and --tls-key",
  ],
  [
    /ETIMEDOUT|ECONNRESET|EPIPE|did not answer|Connection is closed|timeout/i,
    "Redis does not answer. Check --redis or REDIS_URL, whether the server has TLS (rediss://) or not (redis://), and the network",
  ],
];

/** The message and the status for what a command has thrown. `where`: the address without its password. */
export function describeFailure(error: unknown, where: string): { readonly message: string; readonly status: number } {
  if (error instanceof Failure) return { message: error.message, status: error.status };
  const words = wordsOf(error);
  if (isSessionError(error) && error.code === "CORRUPT_RECORD") {
    return {
      message: `${printable(error.message)}. Find out who writes there, then delete the key.`,
      status: NOTHING_FOUND,
    };
  }
  if (isSessionError(error) && error.code === "NOT_REPLICATED") {
    return { message: `${error.message}. It is safe to run the command again.`, status: WRONG_USAGE };
  }
  for (const [known, say] of KNOWN) {
    const found = known.exec(words);
    if (found === null) continue;
    const said = say.replaceAll("$1", printable(found[1] ?? ""));
    return { message: `${said} (${where}).${progressIn(error)}`, status: WRONG_USAGE };
  }
  if (error instanceof RangeError || error instanceof TypeError)
    return { message: printable(error.message), status: WRONG_USAGE };
  const message = error instanceof Error ? error.message : String(error);
  return { message: `${printable(message)} (${where}).`, status: WRONG_USAGE };
}

/** How far a call had come that Redis did not let finish, as its error tells; empty for other errors. */
function progressIn(error: unknown): string {
  if (!isSessionError(error) || !error.message.includes("so far")) return "";
  return ` ${printable(error.message.replace(/^.*?; /, ""))}.`;
}

/** All that an error says, with its causes. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let at: unknown = error; at instanceof Error && words.length < 8; at = at.cause) {
    words.push(String((at as { code?: unknown }).code ?? ""), at.message);
    const { lastNodeError, errors } = at as { lastNodeError?: unknown; errors?: unknown };
    if (lastNodeError instanceof Error) words.push(lastNodeError.message);
    if (Array.isArray(errors))
      words.push(...errors.map((each) => `${(each as { code?: unknown })?.code ?? ""} ${each}`));
  }
  return words.join("\n");
}
