/** docs/cli.md and docs/operations.md: their commands run, and the terminal sessions answer as they are written. */
import { describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { run, start } from "./program.js";

const page = (name: string) => new MarkdownDocument(new URL(`../../docs/${name}.md`, import.meta.url));
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const env = { REDIS_URL: server.url };
const store = createSessionStore(redis, { endings: 3_600_000 });

/** The words of a command line as a shell splits it. */
const wordsOf = (line: string) =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");

/** What differs from run to run: ids, instants, ports, versions and sizes. */
const lasting = (text: string) =>
  text
    .replace(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, "<id>")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, "<instant>")
    .replace(/127\.0\.0\.1:\d+|\d+\.\d+\.\d+(?= )/g, "<server>")
    .replace(/^(│ [a-z ]+ +│ \d+ +│).*$/gm, "$1")
    .replace(/[─┌┬┐└┴┘]+/g, "─")
    .replace(/ +/g, " ")
    .trim();

describe("the terminal sessions of docs/cli.md", () => {
  it("are what the commands say", async () => {
    const client = { ip: "192.0.2.7", userAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };
    const first = await store.create({ userId: "ada", claims: { role: "admin" }, client });
    await store.create({ userId: "ada", claims: { role: "admin" }, client: { ip: "198.51.100.4" } });
    await store.create({ userId: "bob" });
    await store.create();
    let commands = 0;
    for (const { code } of page("cli").blocks("console")) {
      const [line = "", ...said] = code.split("\n");
      const [npx, name, ...args] = wordsOf(line.replace(/^\$ /, "").replace(" < token.txt", ""));
      expect([npx, name]).toEqual(["npx", "coatcheck"]);
      const here = args.map((word) => (/^[0-9A-Z]{26}$/.test(word) ? first.session.id : word));
      const input = line.includes(" < token.txt") ? `${first.token}\n` : "";
      if (args[0] === "tail") {
        const listening = start(here, { env });
        await listening.until("Listening.");
        const { token } = await store.create();
        await store.updateClaims(token, { seen: true });
        await store.revoke(token);
        await listening.until("ended (revoked)");
        listening.interrupt();
        const { output, errors } = await listening.finished;
        expect(errors).toBe(`${said[0]}\nStopped.\n`);
        expect(lasting(output)).toBe(lasting(said.slice(1).join("\n")));
      } else {
        // Log-ins go on after a `revoke --all`.
        if (args[0] === "block") await store.create({ userId: "ada" });
        const { output, errors } = await run(here, { env, input });
        expect(lasting(errors + output), line).toBe(lasting(said.join("\n")));
      }
      commands++;
    }
    expect(commands).toBe(11);
  });

  it("and its table name exactly the commands and statuses that there are", async () => {
    const { output } = await run(["--help"]);
    const commands = [...output.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name as string);
    const headings = [...page("cli").text.matchAll(/^## (`.*)$/gm)].flatMap(([, heading]) =>
      [...(heading as string).matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(headings.toSorted()).toEqual(commands.toSorted());
    for (const [status] of page("cli").table("exit status")) expect(output).toMatch(new RegExp(`^ {2}${status} `, "m"));
  });
});

describe("the table of what is written with --json", () => {
  const rows = page("cli").table("command");
  const shapeOf = (command: string) => rows.find(([name]) => name === `\`${command}\``)?.[1] ?? "";
  const namesOf = (shape: string) => [...(/^`\{ (.*?) \}`/.exec(shape)?.[1]?.split(", ") ?? [])].toSorted();

  it("names what the commands write", async () => {
    const { token, session } = await store.create({ userId: "eve" });
    const dead = await store.create({ userId: "mallory" });
    await store.revoke(dead.token);
    const commands: [args: string[], input?: string][] = [
      [["check"]],
      [["stats"]],
      [["sessions", "--user", "eve"]],
      [["show", session.id]],
      [["explain"], `${token}\n`],
      [["revoke", session.id, "--yes"]],
      [["block", "eve", "--yes"]],
      [["unblock", "eve"]],
    ];
    expect([...commands.map(([[name]]) => `\`${name}\``), "`tail`"].toSorted()).toEqual(
      rows.map(([name]) => name).toSorted(),
    );
    for (const [args, input = ""] of commands) {
      const { output } = await run([...args, "--json"], { env, input });
      const value = JSON.parse(output) as object;
      expect([args[0], Object.keys(value).toSorted()]).toEqual([args[0], namesOf(shapeOf(args[0] as string))]);
    }
    const { output: ended } = await run(["explain", "--json"], { env, input: `${dead.token}\n` });
    expect(JSON.parse(ended)).toEqual({ state: "ended", reason: "revoked", at: expect.any(Number) });
    expect(await run(["show", session.id, "--json"], { env })).toMatchObject({ status: 1, output: "null\n" });
  });

  it("names what tail writes, on a line for each event", async () => {
    const listening = start(["tail", "--json"], { env });
    await listening.until("Listening.");
    const { token, session } = await store.create();
    await store.updateClaims(token, { seen: true });
    await store.revoke(token);
    await listening.until('"revoked"');
    listening.interrupt();
    const events = (await listening.finished).output.trim().split("\n");
    expect(events.map((line) => JSON.parse(line))).toEqual([
      { at: expect.any(Number), kind: "changed", reason: null, id: session.id },
      { at: expect.any(Number), kind: "ended", reason: "revoked", id: session.id },
    ]);
    expect(namesOf(shapeOf("tail"))).toEqual(["at", "id", "kind", "reason"]);
  });
});

describe("the commands of docs/operations.md", () => {
  const lines = page("operations")
    .blocks("sh")
    .flatMap(({ code }) => code.split("\n"))
    .filter((line) => line.startsWith("npx coatcheck "));

  it("are there for each entry of the runbook", () => {
    expect(lines.length).toBeGreaterThanOrEqual(13);
  });

  it.each([...new Set(lines)])("%s runs", async (line) => {
    const { token } = await store.create({ userId: "ada" });
    const args = wordsOf(line.replace(" < token.txt", "")).slice(2);
    if (args[0] === "tail") {
      const listening = start(args, { env });
      await listening.until("Listening.");
      listening.interrupt();
      expect((await listening.finished).status).toBe(130);
      return;
    }
    // There is nobody to be asked here, and there is no replica.
    const asked = args[0] === "revoke" && !args.includes("--yes") ? [...args, "--yes"] : args;
    const here = asked.includes("--replicas") ? asked.filter((word) => word !== "--replicas" && word !== "1") : asked;
    const { status, errors } = await run(here, { env, input: `${token}\n` });
    expect([status, errors.includes("error:")]).toEqual([args[0] === "check" ? 1 : 0, false]);
    await store.unblockUser("ada");
  });
});
