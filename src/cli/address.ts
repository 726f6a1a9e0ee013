/**
 * Where the options and the environment of a command lead: addresses, log-in, TLS and database, checked. Passwords come from the
 * environment alone: every user of a machine can read the arguments of a program. It knows no client.
 */
import { readFile } from "node:fs/promises";
import { Failure } from "./failure.js";
import { redacted } from "./printable.js";

export interface ConnectionOptions {
  readonly redis?: string | undefined;
  readonly cluster?: boolean | undefined;
  readonly sentinel?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly keyPrefix?: string | undefined;
}

export interface Destination {
  readonly urls: readonly URL[];
  readonly where: string;
  readonly cluster: boolean;
  readonly sentinel: string | undefined;
  readonly keyPrefix: string;
  readonly tls: Readonly<Record<string, string>> | undefined;
  readonly timeout: number;
  readonly environment: NodeJS.ProcessEnv;
}

/** Where the options lead, without passwords; for messages. */
export function addressOf({ redis }: ConnectionOptions, environment: NodeJS.ProcessEnv): string {
  return addressesOf(redis, environment).map(redacted).join(", ");
}

/** A variable that is set to nothing is not set. */
function addressesOf(redis: string | undefined, environment: NodeJS.ProcessEnv): readonly string[] {
  const text = redis ?? (environment["REDIS_URL"]?.trim() || "redis://127.0.0.1:6379");
  return text.split(",").map((each) => each.trim());
}

/** Throws a `Failure` that says what is wrong, and how to mend it. */
export async function destinationOf(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  timeout: number,
): Promise<Destination> {
  const { redis, cluster = false, sentinel, keyPrefix = "" } = options;
  if (cluster && sentinel !== undefined)
    throw new Failure("--cluster and --sentinel exclude each other. Leave one out.");
  const urls = addressesOf(redis, environment).map(urlOf);
  if (redis !== undefined && urls.some(({ password }) => password !== "")) {
    throw new Failure(
      "A password in an argument can be read by every user of this machine. Put the whole URL into the variable REDIS_URL, and leave --redis out.",
    );
  }
  if (urls.length > 1 && !cluster && sentinel === undefined) {
    throw new Failure("Several addresses need --cluster, or --sentinel with the name of the master.");
  }
  if (cluster && urls.some((url) => databaseOf(url) !== 0)) {
    throw new Failure("A Redis Cluster has database 0 alone. Leave the number out of the address.");
  }
  const secure = urls.some(({ protocol }) => protocol === "rediss:");
  const files = { ca: options.tlsCa, cert: options.tlsCert, key: options.tlsKey };
  if (!secure && Object.values(files).some((file) => file !== undefined)) {
    throw new Failure("--tls-ca, --tls-cert and --tls-key need an address that begins with rediss://.");
  }
  const where = addressOf(options, environment);
  const tls = secure ? await readAll(files) : undefined;
  return { urls, where, cluster, sentinel, keyPrefix, tls, timeout, environment };
}

function urlOf(text: string): URL {
  let url: URL;
  try {
    // A path and a text in quotes would be taken for a host.
    url = new URL(/^(?:[\w+.-]+:\/\/|["'/])/.test(text) ? text : `redis://${text}`);
  } catch {
    const howToEscape = text.includes("@")
      ? " In a user or a password write %2F for /, %23 for #, %3F for ?, %40 for @."
      : "";
    throw new Failure(
      `The address of Redis must be a URL such as redis://127.0.0.1:6379. Check --redis or REDIS_URL.${howToEscape}`,
    );
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new Failure(`The address of Redis must begin with redis:// or rediss://, got ${redacted(text)}.`);
  }
  if (!/^\/?\d*$/.test(url.pathname)) {
    throw new Failure(
      `After the host of Redis comes the number of the database, as in redis://127.0.0.1:6379/0, got ${redacted(text)}.`,
    );
  }
  if (url.searchParams.has("db")) {
    throw new Failure(
      "The number of the database is not read from ?db=. Put it after the last /, as in redis://127.0.0.1:6379/0.",
    );
  }
  return url;
}

async function readAll(files: Readonly<Record<string, string | undefined>>): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    try {
      read[name] = await readFile(file, "utf8");
    } catch (error) {
      throw new Failure(`--tls-${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    }
  }
  return read;
}

/** User and password of an address; where it has none, those of the environment. */
export function loginOf(
  { username, password }: URL,
  environment: NodeJS.ProcessEnv,
): { username?: string; password?: string } {
  const user = unescaped(username) || environment["REDIS_USERNAME"];
  const secret = unescaped(password) || environment["REDIS_PASSWORD"];
  return { ...(user && { username: user }), ...(secret && { password: secret }) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Failure(
      "The user or the password in the address of Redis has a % that begins no escape. Write %25 for %.",
    );
  }
}

export const hostOf = ({ hostname, port }: URL, usual: number) => ({
  host: hostname.replace(/^\[|\]$/g, ""),
  port: port === "" ? usual : Number(port),
});

export const databaseOf = ({ pathname }: URL) => Number(pathname.slice(1) || 0);
