/**
 * Replays a transcript of `curl` commands against a server and compares what it answers with what was recorded. Ids and
 * tokens may differ, each consistently; instants may differ; everything else must be the same to the letter.
 */
import { expect } from "vitest";

/** What differs from run to run: JWTs, tokens, ids and instants. */
const VARIABLE = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|[0-9A-Z]{26}(?:\.[\w-]{43})?|\b\d{10}(?:\d{3})?\b/g;
const INSTANT = /^\d{10}(?:\d{3})?$/;

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands, each after `$ `, and what each printed. */
function stepsOf(transcript: string): Step[] {
  return transcript
    .split(/^\$ /m)
    .slice(1)
    .map((step) => {
      const end = step.indexOf("\n");
      return end === -1
        ? { command: step, output: "" }
        : { command: step.slice(0, end), output: step.slice(end + 1).trimEnd() };
    });
}

/** Runs every command against `base`. Returns how many requests that were. */
export async function replay(transcript: string, base: string): Promise<number> {
  const variables = new Map<string, string>();
  /** What stands for a recorded id or token in this run. */
  const current = new Map<string, string>();
  const now = (text: string) => text.replace(VARIABLE, (recorded) => current.get(recorded) ?? recorded);
  const jar = new Map<string, string>();
  let requests = 0;
  for (const { command, output } of stepsOf(transcript)) {
    const assignment = /^(\w+)=(\S+)$/.exec(command);
    if (assignment) {
      variables.set(assignment[1] as string, now(assignment[2] as string));
      continue;
    }
    requests++;
    const expanded = now(command).replace(/\$(\w+)/g, (_, name: string) => variables.get(name) ?? "");
    expectSame(await curl(expanded, base, jar), output, command, current);
  }
  return requests;
}

/** Does what curl does with the few options that the transcript uses, and fails for any other. */
async function curl(command: string, base: string, jar: Map<string, string>): Promise<string> {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? word[3] ?? "");
  expect(words.shift()).toBe("curl");
  const headers = new Headers();
  let url = "";
  let body: string | null = null;
  let format = "";
  let saves = "";
  let silent = false;
  while (words.length > 0) {
    const word = words.shift() as string;
    const argument = () => words.shift() ?? "";
    if (word === "-s") continue;
    if (word === "-sw") format = argument();
    else if (word === "-w") format = argument();
    else if (word === "-o") silent = argument() === "/dev/null";
    else if (word === "-c") saves = argument();
    else if (word === "-b") headers.set("cookie", jar.get(argument()) ?? "");
    else if (word === "-X") expect(argument()).toBe("POST");
    else if (word === "-A") headers.set("user-agent", argument());
    else if (word === "-u") headers.set("authorization", `Basic ${Buffer.from(argument()).toString("base64")}`);
    else if (word === "-d") body = argument();
    else if (word === "-H") {
      const [name = "", value = ""] = argument().split(": ");
      headers.set(name, value);
    } else if (/^127\.0\.0\.1:3000\//.test(word)) url = base + word.slice("127.0.0.1:3000".length);
    else throw new Error(`The transcript has an option that its replay does not know: ${word}`);
  }
  if (body !== null && !headers.has("content-type")) headers.set("content-type", "application/x-www-form-urlencoded");
  const posts = body !== null || command.includes(" -X POST ");
  const response = await fetch(url, { method: posts ? "POST" : "GET", headers, body });
  if (saves !== "")
    jar.set(
      saves,
      response.headers
        .getSetCookie()
        .map((cookie) => cookie.split(";")[0])
        .join("; "),
    );
  const text = silent ? "" : await response.text();
  return (text + format.replace("%{http_code}", String(response.status)).replace("\\n", "\n")).trimEnd();
}

function expectSame(actual: string, recorded: string, command: string, current: Map<string, string>): void {
  const skeleton = (text: string) => text.replace(VARIABLE, (part) => (INSTANT.test(part) ? "<instant>" : "<id>"));
  expect(skeleton(actual), command).toBe(skeleton(recorded));
  const before = recorded.match(VARIABLE) ?? [];
  const after = actual.match(VARIABLE) ?? [];
  before.forEach((part, at) => {
    if (INSTANT.test(part)) return;
    const known = current.get(part) ?? after[at];
    expect(after[at], `${command}: ${part}`).toBe(known);
    current.set(part, known as string);
  });
}
