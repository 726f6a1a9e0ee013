/** `npm run example -- <name>`: it starts every example from source, and says in a sentence what is in the way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { findRedisBinary } from "../harness/redis-binary.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folders = readdirSync(`${root}examples`).filter((name) => existsSync(`${root}examples/${name}/server.ts`));

/** Runs the command until it prints something that `until` finds, or ends. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>, until?: RegExp) {
  const { REDIS_URL: _, PORT: __, ...rest } = process.env;
  const child = spawn(process.execPath, ["tools/example.mjs", ...args], {
    cwd: root,
    env: { ...rest, PORT: "0", ...env },
  });
  afterFile(() => child.kill("SIGKILL"));
  let output = "";
  const seen = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (until?.test(output)) resolve();
      });
    }
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  await Promise.race([seen, ended]);
  return { child, ended, output: () => output };
}

describe("npm run example", () => {
  it("lists every example that there is", async () => {
    const { ended, output } = await run([], {});
    expect((await ended)[0]).toBe(0);
    const listed = [...output().matchAll(/^ {2}(\S+) /gm)].map(([, name]) => name);
    expect(listed.filter((name) => !name?.includes("/")).toSorted()).toEqual(folders.toSorted());
  });

  it.each(["websockets/ws", "websockets/socket-io", "websockets/event-stream", "micro-blog"])(
    "starts %s, in memory",
    async (name) => {
      const { child, ended, output } = await run([name], {}, /http:\/\/127\.0\.0\.1:\d+/);
      expect(output()).toMatch(/http:\/\/127\.0\.0\.1:[1-9]\d*/);
      child.kill("SIGTERM");
      await ended;
    },
  );

  it.each<[args: string[], sentence: string]>([
    [["shopp"], 'There is no example "shopp" (did you mean shop?).'],
    [["constructor"], 'There is no example "constructor".'],
    [["micro-blog", "--port"], 'It takes one name and nothing else, and not "--port". The port is in the environment'],
  ])("answers %j with a sentence, and names all examples", async (args, sentence) => {
    const { ended, output } = await run(args, {});
    expect((await ended)[0]).toBe(1);
    expect(output()).toContain(sentence);
    // Each name stands apart from what it is.
    for (const name of folders) expect(output()).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(output()).toContain("  websockets/event-stream  ");
  });

  it("says that a port is taken, and how to choose another", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    afterFile(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const { ended, output } = await run(["demo"], { PORT: String(port) });
    expect((await ended)[0]).toBe(1);
    expect(output().trim().split("\n")).toEqual([
      `Port ${port} is taken by another program. Choose another one: PORT=${port + 1} npm run example -- demo`,
    ]);
  });

  it("starts a Redis for an example that needs one, and ends it with the example", async () => {
    const { path, env } = await findRedisBinary();
    const folder = await mkdtemp(join(tmpdir(), "coatcheck-"));
    afterFile(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "redis-server"), `#!/bin/sh\nexec "${path}" "$@"\n`, { mode: 0o755 });
    const PATH = [folder, process.env["PATH"]].join(delimiter);
    const { child, ended, output } = await run(
      ["express"],
      { ...env, PATH },
      /127\.0\.0\.1:\d+\n[\s\S]*http:\/\/127\.0\.0\.1:\d+/,
    );
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0];
    const answer = await fetch(`${url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ada" }),
    });
    expect(await answer.json()).toBe("welcome, ada");
    child.kill("SIGTERM");
    await ended;
    const redisPort = Number(/redis:\/\/127\.0\.0\.1:(\d+)/.exec(output())?.[1]);
    await expect.poll(() => isFree(redisPort)).toBe(true);
  });

  it("says so if there is no Redis to start", async () => {
    const { ended, output } = await run(["express"], { PATH: "/nowhere" });
    expect((await ended)[0]).toBe(1);
    expect(output()).toContain("This example needs a Redis: set REDIS_URL, or install redis-server");
  });
});

/** Whether nobody listens on a port. */
async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, "127.0.0.1");
  const free = await Promise.race([once(probe, "listening").then(() => true), once(probe, "error").then(() => false)]);
  probe.close();
  return free;
}
