/**
 * Servers newer than the machine's own: Redis 8.0 and Valkey 8.1, from the packages of Debian 13 (trixie). They are
 * unpacked into a cache folder of the project with all libraries that they need, the C library included, and run through
 * that library's own loader, so they start on an older system, too. Nothing is installed, and the machine's package lists
 * are not touched. `REDIS_8_SERVER` and `VALKEY_8_SERVER` name binaries of your own instead.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { firstLine, probe, type RedisBinary } from "./redis-binary.ts";

const run = promisify(execFile);

const RELEASE = "trixie";
const CACHE = fileURLToPath(new URL("../../.cache", import.meta.url));
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** By the name of the binary: the variable that names another, and the version that the tests are about. */
const SERVERS = {
  "redis-server": { variable: "REDIS_8_SERVER", version: /^Redis server v=8\./ },
  "valkey-server": { variable: "VALKEY_8_SERVER", version: /^Valkey server v=8\./ },
} as const;

export type NewerServer = keyof typeof SERVERS;

/** Finds or unpacks a server. Throws an error of one sentence where it cannot be had. */
export async function findNewerServer(name: NewerServer): Promise<RedisBinary> {
  const { variable, version } = SERVERS[name];
  const named = process.env[variable];
  if (named) {
    const binary = await probe(named, {}, variable);
    if (binary !== null && version.test(binary.version)) return binary;
    throw new Error(`${variable} is ${JSON.stringify(named)}, which does not run as a ${name} of version 8.`);
  }
  const home = join(CACHE, `${RELEASE}-${name}`);
  try {
    return (await probe(join(home, name), {}, "unpacked")) ?? (await unpack(name, home));
  } catch (error) {
    throw new Error(
      `There is no ${name} of version 8 (Debian's package could not be unpacked: ${firstLine(error)}): set ${variable} to the path of one.`,
    );
  }
}

/** Works in a folder of its own that is renamed into place at the end, so that two runs at once do no harm. */
async function unpack(name: NewerServer, home: string): Promise<RedisBinary> {
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, `${name}-unpacking-`));
  await chmod(work, 0o755);
  try {
    const root = join(work, "root");
    for (const archive of await download(name, work)) await run("dpkg-deb", ["-x", archive, root]);
    await writeFile(join(root, name), await launcher(name, root), { mode: 0o755 });
    const built = await probe(join(root, name), {}, "unpacked");
    if (built === null) throw new Error("the unpacked server does not start");
    if (!SERVERS[name].version.test(built.version)) throw new Error(`${RELEASE} has ${built.version}`);
    // Another run may have been faster, and then its tree is as good as this one.
    await rename(root, home).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    const binary = await probe(join(home, name), {}, "unpacked");
    if (binary === null) throw new Error(`${home} holds something else`);
    return binary;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The package and all that it depends on, as for a machine on which nothing is installed. */
async function download(name: NewerServer, work: string): Promise<string[]> {
  const [state, cache] = [join(work, "state"), join(work, "cache")];
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(cache, "archives/partial"), { recursive: true });
  await writeFile(join(work, "status"), "");
  await writeFile(join(work, "sources.list"), `deb [signed-by=${KEYRING}] ${await mirror()} ${RELEASE} main\n`);
  const options = [
    // Started as root, apt would otherwise hand the download to a user who may not write here.
    "APT::Sandbox::User=",
    `Dir::Etc::sourcelist=${join(work, "sources.list")}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State=${state}`,
    `Dir::State::lists=${join(state, "lists")}`,
    `Dir::State::status=${join(work, "status")}`,
    `Dir::Cache=${cache}`,
    "Debug::NoLocking=1",
  ].flatMap((option) => ["-o", option]);
  await run("apt-get", [...options, "-qq", "update"]);
  const wanted = ["install", "--download-only", "--yes", "--no-install-recommends", name];
  await run("apt-get", [...options, "-qq", ...wanted]);
  const archives = (await readdir(join(cache, "archives"))).filter((file) => file.endsWith(".deb"));
  // Of the rest, such as passwd and debconf, only the scripts of an installation have need.
  const needed = archives.filter((file) => /^(lib|lua|zlib|gcc|redis|valkey)/.test(file));
  return needed.map((file) => join(cache, "archives", file));
}

/** The mirror that this machine takes its own packages from. */
async function mirror(): Promise<string> {
  const { stdout } = await run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(COMPONENT)",
    "Identifier: Packages",
  ]);
  const [uri] = stdout.split("\n").flatMap((line) => /^(\S+\/debian\/?) main$/.exec(line)?.[1] ?? []);
  if (uri === undefined) throw new Error("this machine has no mirror of Debian");
  return uri;
}

/** A script that starts the server, by the same process id, with the unpacked loader and libraries. */
async function launcher(name: NewerServer, root: string): Promise<string> {
  const libraries = join(root, "usr/lib");
  const [folder] = (await readdir(libraries)).filter((entry) => entry.includes("-linux-gnu"));
  if (folder === undefined) throw new Error("the packages hold no libraries");
  const loader = (await readdir(join(libraries, folder))).find((entry) => /^ld-linux.*\.so\.\d+$/.test(entry));
  if (loader === undefined) throw new Error("the packages hold no loader");
  return [
    "#!/bin/sh",
    'root="$(dirname "$(readlink -f "$0")")"',
    `libraries="$root/usr/lib/${folder}"`,
    `exec "$libraries/${loader}" --argv0 ${name} --library-path "$libraries" "$root/usr/bin/${name}" "$@"`,
    "",
  ].join("\n");
}
