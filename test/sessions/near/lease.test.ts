/** Until when memory may answer: the bound, to the millisecond. */
import { describe, expect, it } from "vitest";
import { Lease } from "../../../src/sessions/near/lease.js";
import { makeSession, NearRig } from "./rig.js";

describe("a lease", () => {
  it("runs from the sending, and not from the hearing", () => {
    const lease = new Lease(1000);
    expect(lease.holds(0, 0)).toBe(false);
    lease.extend({ now: 0, wall: 50_000 });
    expect(lease.holds(999, 50_999)).toBe(true);
    expect(lease.holds(1000, 50_999)).toBe(false);
    expect(lease.holds(999, 51_000)).toBe(false);
  });

  it("is not shortened by an answer that comes late", () => {
    const lease = new Lease(1000);
    lease.extend({ now: 500, wall: 500 });
    lease.extend({ now: 250, wall: 250 });
    expect(lease.holds(1499, 1499)).toBe(true);
    expect(lease.holds(1500, 1500)).toBe(false);
  });

  it("ends at once if it must", () => {
    const lease = new Lease(1000);
    lease.extend({ now: 0, wall: 0 });
    lease.end();
    expect(lease.holds(0, 0)).toBe(false);
  });
});

describe("a beat that is sent at 0 and heard at 900", () => {
  it("lets a hit at 999 be from before a change at 1, and none at 1000", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    // This is the beat in question; the push of the change is lost.
    rig.pulse.tick();
    rig.clock.at(900);
    rig.hear();
    rig.clock.at(999);
    expect(rig.cache.peek(made.token)?.id).toBe(made.id);
    rig.clock.at(1000);
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(rig.pulse.state).toBe("lapsed");
  });

  it("lets none be at 999 if the machine has slept meanwhile, so that only the wall clock shows it", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    rig.clock.jump(4000);
    expect(rig.cache.peek(made.token)).toBeUndefined();
    // Nothing was missed, as the next beat shows.
    rig.serveFrom(10);
    expect(rig.cache.peek(made.token)?.id).toBe(made.id);
  });

  it("lets none be at 1000 if somebody has put the wall clock back", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    rig.clock.jump(-3_600_000);
    rig.clock.at(999);
    expect(rig.cache.peek(made.token)).toBeDefined();
    rig.clock.at(1000);
    expect(rig.cache.peek(made.token)).toBeUndefined();
  });
});

describe("a session in memory", () => {
  it("ends when the session does, counted from the sending of the read", async () => {
    const rig = new NearRig({ margin: 10, touchInterval: 500 });
    const made = makeSession({ idleTimeout: 1000 });
    rig.start();
    rig.hear();
    rig.clock.at(100);
    // The read is sent at 100, and comes back 700 ms later, when the session had 1000 ms left.
    const looking = rig.cache.touch(made.token);
    rig.clock.at(800);
    await rig.read.answer(made.stored());
    await looking;
    rig.serveFrom(1099);
    expect(rig.cache.glance(made.token)?.session.id).toBe(made.id);
    rig.serveFrom(1100);
    expect(rig.cache.glance(made.token)).toBeUndefined();
  });

  it("ends by the clock that only grows, if somebody has put the wall clock back", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    rig.clock.jump(-3_600_000);
    rig.serveFrom(1_799_999);
    expect(rig.cache.glance(made.token)).toBeDefined();
    rig.serveFrom(1_800_000);
    expect(rig.cache.glance(made.token)).toBeUndefined();
  });

  it("ends with its absolute deadline", async () => {
    const rig = new NearRig();
    const made = makeSession({ idleTimeout: 1000, absoluteTimeout: 1500 });
    rig.start();
    rig.hear();
    await rig.fill(made, made.stored({ age: 1000, seen: 1000 }));
    rig.serveFrom(499);
    expect(rig.cache.glance(made.token)).toBeDefined();
    rig.serveFrom(500);
    expect(rig.cache.glance(made.token)).toBeUndefined();
  });

  it("ends by the wall clock too, because a machine that sleeps does not count the time", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    rig.clock.jump(1_800_000);
    rig.serveFrom(1);
    expect(rig.cache.glance(made.token)).toBeUndefined();
  });

  it("was read when it was read, and as long ago as its read was sent", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    const looking = rig.cache.sight(made.token);
    rig.clock.at(300);
    await rig.read.answer(made.stored({ age: 7 }));
    expect(await looking).toMatchObject({ readAt: made.stored({ age: 7 }).readAt });
    rig.clock.at(800);
    expect(rig.cache.glance(made.token)?.readAt).toBe(made.stored({ age: 7 }).readAt + 800);
  });

  it("was read as long ago as the wall clock says, if the machine has slept meanwhile", async () => {
    const rig = new NearRig();
    const made = makeSession();
    rig.start();
    rig.hear();
    await rig.fill(made);
    rig.clock.jump(600_000);
    rig.serveFrom(1);
    expect(rig.cache.glance(made.token)?.readAt).toBe(made.stored().readAt + 600_001);
    rig.clock.jump(-900_000);
    rig.serveFrom(5);
    expect(rig.cache.glance(made.token)?.readAt).toBe(made.stored().readAt + 5);
  });
});
