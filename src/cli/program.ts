/** The commands, their options and examples. It reads arguments, and knows no Redis. */
import { Command, Option } from "commander";
import { type BlockChoice, block, unblock } from "./commands/block.js";
import { check } from "./commands/check.js";
import { explain } from "./commands/explain.js";
import { type RevokeChoice, revoke } from "./commands/revoke.js";
import { sessions, show } from "./commands/sessions.js";
import { stats } from "./commands/stats.js";
import { tail } from "./commands/tail.js";
import { Failure } from "./failure.js";
import { parseDuration } from "./time.js";
import type { CommonOptions, Work } from "./work.js";

/** Runs a command on Redis. */
export type Run = (options: CommonOptions, command: (work: Work) => Promise<number>) => Promise<void>;

const ABOUT = `Looks at the sessions that coatcheck keeps in Redis, and ends them.

The address comes from REDIS_URL, or from --redis if it has no password.
Where it has none, REDIS_USERNAME and REDIS_PASSWORD are used, and
REDIS_SENTINEL_PASSWORD for Sentinels.`;

const STATUS = `
Exit status:
  0    done
  1    nothing was found, or a danger was reported
  2    wrong usage, or Redis cannot be reached or does not allow it
  130  stopped by Ctrl-C`;

/** Makes the program. It never ends the process. */
export function makeProgram(version: string, run: Run): Command {
  const program = new Command("coatcheck")
    .description(ABOUT)
    .version(version)
    .showHelpAfterError("Run it with --help for the commands and their options.")
    .addHelpText("after", STATUS)
    .exitOverride();

  const add = (name: string, about: string, ...examples: string[]): Command => {
    const command = program.command(name).description(about).exitOverride();
    for (const option of common()) command.addOption(option);
    const lines = examples.map((example) => `  $ coatcheck ${example}`).join("\n");
    return command.addHelpText("after", `\nExamples:\n${lines}\n${STATUS}`);
  };

  add("check", "looks for settings of the servers that can break a promise", "check", "check --cluster --json").action(
    (options: CommonOptions) => run(options, check),
  );
  add("stats", "counts sessions, users and blocks, and their bytes", "stats", "stats --prefix app: --json").action(
    (options: CommonOptions) => run(options, stats),
  );
  add("sessions", "lists the sessions of a user", "sessions --user ada", "sessions --user ada --json")
    // As `block` and `unblock` have it, which people type in the same minute.
    .argument("[user]", "whose sessions")
    .option("--user <user>", "the same")
    // Not commander's required option: of a mistyped one it would say that --user is missing, and not what is mistyped.
    .action((named: string | undefined, options: CommonOptions & { user?: string }) => {
      const user = named ?? options.user;
      if (user === undefined || (named !== undefined && options.user !== undefined)) {
        throw new Failure("Say whose sessions, once: --user <user>.");
      }
      return run(options, (work) => sessions(work, user));
    });
  add("show", "shows one session and its claims", "show 01ARZ3NDEKTSV4RRFFQ69G5FAV")
    .argument("<id>", "the id of the session, not its token")
    .action((id: string, options: CommonOptions) => run(options, (work) => show(work, id)));
  add(
    "revoke",
    "ends one session, all of a user, or all",
    "revoke 01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "revoke --user ada --yes",
    "revoke --user ada --endings 7d --note password",
    "revoke --all",
  )
    .argument("[id]", "the id of the session, not its token")
    .option("--user <user>", "all sessions of this user")
    .option("--all", "every session under the prefix")
    .addOption(yes())
    .addOption(replicas())
    .addOption(endings())
    .addOption(note())
    .action((id: string | undefined, options: CommonOptions & RevokeChoice) =>
      run(options, (work) => revoke(work, id, options)),
    );
  add(
    "block",
    "ends the sessions of a user, and lets them have no other",
    "block ada",
    "block ada --until 2h --reason 'stolen phone' --yes",
  )
    .argument("<user>", "the user")
    .option("--until <when>", "a duration such as 2h or 7d, or a date; without it the block has no end")
    .option("--reason <text>", "kept with the block")
    .addOption(yes())
    .addOption(replicas())
    .addOption(endings())
    .addOption(note())
    .action((user: string, options: CommonOptions & BlockChoice) => run(options, (work) => block(work, user, options)));
  add("unblock", "lets a user log in again", "unblock ada")
    .argument("<user>", "the user")
    .action((user: string, options: CommonOptions) => run(options, (work) => unblock(work, user)));
  add(
    "explain",
    "tells whether a token is live, and why it is not; reads it from the standard input",
    "explain < token.txt",
    "explain --json",
  ).action((options: CommonOptions) => run(options, explain));
  add("tail", "shows what ends and changes, while it does", "tail", "tail --json").action((options: CommonOptions) =>
    run(options, tail),
  );
  return program;
}

function common(): Option[] {
  return [
    new Option("--redis <url>", "redis:// or rediss:// (TLS); several with commas (default: REDIS_URL)"),
    new Option("--cluster", "the servers are a Redis Cluster"),
    new Option("--sentinel <name>", "the addresses are those of Sentinels, and this is the name of the master"),
    new Option("--tls-ca <file>", "the authority that has signed the certificate of the server"),
    new Option("--tls-cert <file>", "the certificate of this client"),
    new Option("--tls-key <file>", "its key"),
    new Option("--key-prefix <text>", "the keyPrefix of the application's client"),
    new Option("--prefix <text>", "the prefix of the application's store").default("coatcheck:"),
    new Option("--timeout <duration>", "how long to wait for Redis")
      .default(5000, "5s")
      .argParser((text) => atLeast(1, parseDuration("--timeout", text))),
    new Option("--json", "for programs"),
  ];
}

const yes = () => new Option("--yes", "do not ask");

const replicas = () =>
  new Option("--replicas <count>", "wait until so many replicas have it").argParser((text) => {
    if (!/^[1-9]\d{0,2}$/.test(text))
      throw new Failure(`--replicas must be a number from 1, got ${JSON.stringify(text)}.`);
    return Number(text);
  });

const endings = () =>
  new Option("--endings <duration>", "how long ended sessions tell why; as the application's store has it").argParser(
    (text) => parseDuration("--endings", text),
  );

const note = () => new Option("--note <text>", "what ended sessions tell beside the reason, with --endings");

function atLeast(least: number, duration: number): number {
  if (duration < least) throw new Failure(`--timeout must be at least ${least} ms.`);
  return duration;
}
