/** Many waits, one timer. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { WaitingLine, waitAlone } from "../../src/redis/calls/waiting.js";
import { afterFile } from "../harness/fixtures.js";

/** How many timers keep this process alive. */
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

it("gives up what has not ended by its deadline, in the order in which it began, and nothing else", async () => {
  const line = new WaitingLine(20);
  const begun = performance.now();
  const givenUp: number[] = [];
  const waits = Array.from({ length: 6 }, (_, at) => line.begin(() => givenUp.push(at)));
  // The first, the last and one in between; the neighbours of each must not be lost.
  for (const at of [0, 3, 5]) expect(line.end(waits[at] as (typeof waits)[0])).toBe(true);
  while (givenUp.length < 3) await sleep(1);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(20);
  await sleep(30);
  expect(givenUp).toEqual([1, 2, 4]);
});

it("says of a wait that has ended already, or was given up, that it is over", async () => {
  const line = new WaitingLine(5);
  const ended = line.begin(() => expect.fail("It had ended."));
  expect(line.end(ended)).toBe(true);
  expect(line.end(ended)).toBe(false);
  const late = await new Promise<ReturnType<typeof line.begin>>((resolve) => {
    const wait = line.begin(() => resolve(wait));
  });
  expect(line.end(late)).toBe(false);
});

it("gives each its whole time, also one that began while others were waiting", async () => {
  const line = new WaitingLine(60);
  line.begin(() => {});
  await sleep(40);
  const begun = performance.now();
  await new Promise<void>((resolve) => line.begin(resolve));
  expect(performance.now() - begun).toBeGreaterThanOrEqual(59);
});

it("keeps the process alive while something waits, and no longer", async () => {
  const before = timers();
  const line = new WaitingLine(3_600_000);
  const first = line.begin(() => {});
  const second = line.begin(() => {});
  expect(timers()).toBe(before + 1);
  line.end(first);
  expect(timers()).toBe(before + 1);
  line.end(second);
  expect(timers()).toBe(before);
  const third = line.begin(() => {});
  expect(timers()).toBe(before + 1);
  line.end(third);
  expect(timers()).toBe(before);
});

it("goes on with what waits when something that is given up throws", async () => {
  const line = new WaitingLine(5);
  const thrown = new Promise((resolve) => process.once("uncaughtException", resolve));
  const listeners = process.listeners("uncaughtException").slice(0, -1);
  for (const listener of listeners) process.off("uncaughtException", listener);
  try {
    line.begin(() => {
      throw new Error("Mine.");
    });
    await new Promise<void>((resolve) => line.begin(resolve));
    expect(await thrown).toEqual(new Error("Mine."));
  } finally {
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

/** Two ends of a connection. What one writes lies before the other at once, and is read when the event loop comes to it. */
async function connection(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as { port: number }).port, "127.0.0.1");
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], unknown];
  afterFile(() => {
    near.destroy();
    server.close();
  });
  return [near, far];
}

const TIME = 20;
it.each<[string, (giveUp: () => void) => () => void]>([
  [
    "in a line",
    (giveUp) => {
      const line = new WaitingLine(TIME);
      const wait = line.begin(giveUp);
      return () => line.end(wait);
    },
  ],
  ["alone", (giveUp) => waitAlone(TIME, giveUp)],
])("does not give up, %s, what was answered while the process itself was held up", async (_, begin) => {
  const [near, far] = await connection();
  const happened: string[] = [];
  const end = begin(() => happened.push("given up"));
  near.on("data", () => {
    happened.push("answered");
    end();
  });
  far.write("+OK");
  const begun = performance.now();
  while (performance.now() - begun < 2 * TIME);
  await sleep(2 * TIME);
  expect(happened).toEqual(["answered"]);
  // And what is not answered is given up all the same.
  await new Promise<void>((resolve) => begin(resolve));
});

it("gives a wait of its own its whole time, though timers count in whole ms", async () => {
  const early: number[] = [];
  for (let at = 0; at < 100; at++) {
    // Wherever in a ms it begins, and whatever part of one its time has.
    const begin = performance.now() + (at % 10) / 10;
    while (performance.now() < begin);
    const time = 2 + (at % 7) / 7;
    const begun = performance.now();
    await new Promise<void>((resolve) => waitAlone(time, resolve));
    const lasted = performance.now() - begun;
    if (lasted < time) early.push(lasted - time);
  }
  expect(early).toEqual([]);
});
