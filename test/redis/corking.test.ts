/** What is sent at one time, in how many writes. */
import { expect, it } from "vitest";
import { Corking } from "../../src/redis/calls/corking.js";

/** A stream that notes the size of each write; what is written while it is corked is one write when it is uncorked. */
function stream() {
  const writes: number[] = [];
  let held = 0;
  let corks = 0;
  return {
    writes,
    write() {
      if (corks === 0) writes.push(1);
      else held++;
    },
    cork() {
      corks++;
    },
    uncork() {
      corks--;
      if (corks > 0 || held === 0) return;
      writes.push(held);
      held = 0;
    },
    get corks() {
      return corks;
    },
  };
}

function send(corking: Corking, to: ReturnType<typeof stream>, times = 1): void {
  for (let i = 0; i < times; i++) {
    corking.gather(to);
    to.write();
  }
}

/** The end of this step of the program, and of this turn of the event loop. */
const tick = () => new Promise<void>((resolve) => process.nextTick(resolve));
const turn = () => new Promise((resolve) => setImmediate(resolve));

it("sends those of one step together when it is over", async () => {
  const [corking, to] = [new Corking(), stream()];
  send(corking, to, 5);
  expect(to.writes).toEqual([]);
  await tick();
  expect(to.writes).toEqual([5]);
  expect(to.corks).toBe(0);
});

it("sends together at the end of the turn what comes one by one", async () => {
  const [corking, to] = [new Corking(), stream()];
  for (let i = 0; i < 4; i++) {
    send(corking, to);
    await tick();
  }
  expect(to.writes).toEqual([]);
  await turn();
  expect(to.writes).toEqual([4]);
  expect(to.corks).toBe(0);
});

it("does not let the server wait for more than eight", async () => {
  const [corking, to] = [new Corking(), stream()];
  send(corking, to, 20);
  await tick();
  expect(to.writes).toEqual([8, 8, 4]);
  expect(to.corks).toBe(0);
});

it("begins anew with every turn", async () => {
  const [corking, to] = [new Corking(), stream()];
  for (let i = 0; i < 3; i++) {
    send(corking, to);
    await tick();
    await turn();
  }
  expect(to.writes).toEqual([1, 1, 1]);
  expect(to.corks).toBe(0);
});

it("lets go of a connection when the client has another", async () => {
  const [corking, to, next] = [new Corking(), stream(), stream()];
  send(corking, to, 2);
  send(corking, next, 2);
  await tick();
  await turn();
  expect(to.writes).toEqual([2]);
  expect(next.writes).toEqual([2]);
  expect([to.corks, next.corks]).toEqual([0, 0]);
});
