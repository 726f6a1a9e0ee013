/** The command line on a terminal: it asks, shows how far it is, and says what is done when it is stopped. */
import { PassThrough } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { type Cell, Terminal } from "../../src/cli/terminal.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { startProxy } from "../harness/tcp-proxy.js";
import { run, start } from "./program.js";

/** How many rows cli-table3 was given, each time that it laid a table out. */
const laidOut = vi.hoisted((): number[] => []);
vi.mock("cli-table3", async (importOriginal) => {
  const { default: Table } = await importOriginal<{ default: typeof import("cli-table3") }>();
  return {
    default: class extends Table {
      override toString(): string {
        laidOut.push(this.length);
        return super.toString();
      }
    },
  };
});

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const env = { REDIS_URL: server.url };

function open() {
  const prefix = uniquePrefix();
  return { prefix, store: createSessionStore(redis, { prefix, timeout: 30_000 }) };
}

describe("on a terminal", () => {
  it("asks before it ends anything, and no is no", async () => {
    const { prefix, store } = open();
    const { session, token } = await store.create({ userId: "ada" });
    for (const [args, question] of [
      [["revoke", session.id], `End the session ${session.id} of the user "ada"? [y/N]`],
      [["revoke", "--user", "ada"], "End it? [y/N]"],
      [["revoke", "--all"], "End them all? Everybody must log in again. [y/N]"],
      [["block", "ada"], "Block the user without end, and end the session? [y/N]"],
    ] as const) {
      const asked = start([...args, "--prefix", prefix], { env, terminal: true });
      await asked.until(question);
      asked.type("\r");
      const { status, output } = await asked.finished;
      expect([args, status]).toEqual([args, 2]);
      expect(output).toContain("Nothing was changed.");
    }
    expect(await store.get(token)).not.toBeNull();
    expect(await store.getBlock("ada")).toBeNull();
  });

  it("does it when the answer is yes", async () => {
    const { prefix, store } = open();
    const { token } = await store.create({ userId: "ada" });
    await store.create();
    const asked = start(["revoke", "--all", "--prefix", prefix], { env, terminal: true });
    await asked.until("[y/N]");
    asked.type("y\r");
    const { status, output } = await asked.finished;
    expect(status).toBe(0);
    expect(output).toContain("Ended 2 sessions.");
    expect(await store.get(token)).toBeNull();
  });

  it("says at the question, after Ctrl-C, that nothing was changed", async () => {
    const { prefix, store } = open();
    const { token } = await store.create({ userId: "ada" });
    const asked = start(["revoke", "--all", "--prefix", prefix], { env, terminal: true });
    await asked.until("[y/N]");
    asked.interrupt();
    const { status, output } = await asked.finished;
    expect(status).toBe(130);
    expect(output).toContain("Stopped. Nothing was changed.");
    expect(await store.get(token)).not.toBeNull();
  });

  it("says at the question, after Ctrl-D, that nothing was changed", async () => {
    const { prefix, store } = open();
    const { token } = await store.create({ userId: "ada" });
    const asked = start(["revoke", "--user", "ada", "--prefix", prefix], { env, terminal: true });
    await asked.until("[y/N]");
    asked.type("\u0004");
    const { status, output } = await asked.finished;
    expect([status, output.trimEnd().split(/\r?\n/).at(-1)]).toEqual([2, "Nothing was changed."]);
    expect(await store.get(token)).not.toBeNull();
  });

  it("reads a token without showing it", async () => {
    const { prefix, store } = open();
    const { token } = await store.create({ userId: "ada" });
    const asked = start(["explain", "--prefix", prefix], { env, terminal: true });
    await asked.until("Token: ");
    asked.type(`${token}\r`);
    const { status, output } = await asked.finished;
    expect(status).toBe(0);
    expect(output).toContain("The session is live.");
    expect(output).not.toContain(token.slice(27));
  });

  it("shows how far it is", async () => {
    const { prefix, store } = open();
    await Promise.all(Array.from({ length: 300 }, () => store.create()));
    const { output } = await run(["revoke", "--all", "--yes", "--prefix", prefix], { env, terminal: true });
    expect(output).toMatch(/ended .*100 % · 300 of 300/);
    const stats = await run(["stats", "--prefix", prefix], { env, terminal: true });
    expect(stats.output).toMatch(/keys .*\d+ % · \d+ of \d+/);
  });
});

describe("a table", () => {
  const { signal } = new AbortController();
  const shown = async (rows: readonly (readonly Cell[])[]) => {
    const output = new PassThrough().setEncoding("utf8");
    const terminal = new Terminal({ input: new PassThrough(), output, errors: new PassThrough() }, false);
    await terminal.table(["id", "name"], rows, signal);
    return String(output.read());
  };

  it("is one, however many rows it has, and is laid out a few hundred rows at a time", async () => {
    laidOut.length = 0;
    const rows = Array.from({ length: 450 }, (_, at) => [at, at === 449 ? "日本, the longest" : null] as const);
    const lines = (await shown(rows)).split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.slice(0, 4)).toEqual([
      "┌─────┬───────────────────┐",
      "│ id  │ name              │",
      "│ 0   │ –                 │",
      "│ 1   │ –                 │",
    ]);
    expect(lines.slice(-2)).toEqual(["│ 449 │ 日本, the longest │", "└─────┴───────────────────┘"]);
    expect(lines.slice(2, -1).map((line) => Number(line.split("│")[1]))).toEqual(rows.map(([at]) => at));
    expect(Math.max(...laidOut)).toBeLessThan(300);
  });

  it("has its head and its ends with as many rows as are laid out at a time, with one more, and with none", async () => {
    for (const count of [0, 1, 199, 200, 201, 400]) {
      const lines = (await shown(Array.from({ length: count }, (_, at) => [at, "x"]))).split("\n");
      expect([count, lines.length]).toEqual([count, count + 4]);
      expect(lines.filter((line) => /[┌├└]/.test(line)).length).toBe(2);
    }
  });

  it("ends in its midst when it is stopped", async () => {
    const output = new PassThrough().setEncoding("utf8");
    const terminal = new Terminal({ input: new PassThrough(), output, errors: new PassThrough() }, false);
    const stopping = new AbortController();
    const showing = terminal.table(["id"], Array(1000).fill([1]), stopping.signal);
    const refused = expect(showing).rejects.toBe("enough");
    stopping.abort("enough");
    await refused;
    expect(String(output.read()).split("\n").length).toBeLessThan(300);
  });
});

it("does its work although nobody hears what it says beside the result", async () => {
  const { prefix, store } = open();
  const { token } = await store.create({ userId: "ada" });
  const running = start(["revoke", "--user", "ada", "--yes", "--prefix", prefix], { env, deaf: true });
  const { status, output } = await running.finished;
  expect([status, output]).toEqual([0, "Ended 1 session.\n"]);
  expect(await store.get(token)).toBeNull();
});

describe("stopped by Ctrl-C", () => {
  it.each([false, true])("says how many sessions have ended, which is true (on a terminal: %s)", async (terminal) => {
    const { prefix, store } = open();
    const count = 400;
    await Promise.all(Array.from({ length: count }, () => store.create()));
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const running = start(["revoke", "--all", "--yes", "--prefix", prefix], {
      env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
      terminal,
    });
    // When replies of scripts have come, the next ones are held: it is in the midst of it.
    await proxy.seen("ended", { direction: "down" });
    proxy.hold("down");
    running.interrupt();
    await new Promise((resolve) => setTimeout(resolve, 200));
    proxy.release("down");
    const { status, output, errors } = await running.finished;
    expect(status).toBe(130);
    const [, ended] =
      /Stopped: (\d+) sessions? of 400 ended, and the others are live\. Run it again/.exec(output + errors) ?? [];
    expect(Number(ended)).toBeGreaterThan(0);
    expect(Number(ended)).toBeLessThan(count);
    const again = await run(["revoke", "--all", "--yes", "--json", "--prefix", prefix], { env });
    expect(JSON.parse(again.output)).toEqual({ found: count - Number(ended), ended: count - Number(ended) });
  });
});
