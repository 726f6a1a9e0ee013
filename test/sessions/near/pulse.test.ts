/** How a process knows that it hears: its beats, and what ends its lease. */
import { describe, expect, it } from "vitest";
import { makeSession, NearRig } from "./rig.js";

/** A rig that serves one session. */
async function serving() {
  const rig = new NearRig();
  const made = makeSession();
  rig.start();
  rig.hear();
  await rig.fill(made);
  expect(rig.cache.peek(made.token)).toBeDefined();
  return { rig, made };
}

/** Whether memory still has the session when it may answer again. */
function keeps(rig: NearRig, token: string): boolean {
  rig.pulse.ready();
  rig.pulse.tick();
  rig.hear();
  expect(rig.pulse.state).toBe("serving");
  return rig.cache.glance(token) !== undefined;
}

describe("the pulse", () => {
  it("begins with the first lookup, and not before", () => {
    const rig = new NearRig();
    expect(rig.isListening).toBe(false);
    rig.cache.peek("");
    expect(rig.isListening).toBe(true);
    // Nobody would hear a beat before the subscription is confirmed.
    expect(rig.beats).toEqual([]);
    rig.pulse.ready();
    expect(rig.beats).toMatchObject([{ number: 1, known: 0 }]);
    expect(rig.pulse.state).toBe("lapsed");
    rig.hear();
    expect(rig.pulse.state).toBe("serving");
    expect(rig.states).toEqual(["serving: heard"]);
  });

  it("tells Redis the highest number that it knows to have run", async () => {
    const rig = new NearRig().start();
    await rig.beat.answer("told");
    rig.pulse.tick();
    expect(rig.beat).toMatchObject({ number: 2, known: 1 });
    rig.pulse.tick();
    rig.hear(3);
    rig.pulse.tick();
    expect(rig.beat).toMatchObject({ number: 4, known: 3 });
  });

  it("is not extended by a beat that is answered and not heard", async () => {
    const rig = new NearRig().start();
    await rig.beat.answer("told");
    expect(rig.pulse.state).toBe("lapsed");
  });

  it("lapses without a loss, and then serves what it had", async () => {
    const { rig, made } = await serving();
    rig.clock.at(1000);
    rig.pulse.tick();
    expect(rig.states).toEqual(["serving: heard", "lapsed: silence"]);
    expect(rig.pulse.counts.lapses).toBe(1);
    expect(rig.cache.peek(made.token)).toBeUndefined();
    rig.hear();
    expect(rig.cache.peek(made.token)).toBeDefined();
  });

  it("forgets everything when the subscriber has lost its connection, and ignores older beats", async () => {
    const { rig, made } = await serving();
    rig.pulse.tick();
    const { number } = rig.beat;
    rig.pulse.lost();
    expect(rig.cache.peek(made.token)).toBeUndefined();
    rig.hear(number);
    expect(rig.pulse.state).toBe("lapsed");
    expect(rig.states.at(-1)).toBe("lapsed: subscriber");
    expect(keeps(rig, made.token)).toBe(false);
  });

  it("forgets everything when the client has lost a connection, at the very next lookup, and ignores older beats", async () => {
    const { rig, made } = await serving();
    rig.pulse.tick();
    const { number } = rig.beat;
    rig.losses++;
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(rig.states.at(-1)).toBe("lapsed: connection");
    rig.hear(number);
    expect(rig.pulse.state).toBe("lapsed");
    expect(keeps(rig, made.token)).toBe(false);
  });

  it("takes no beat for heard that came back after a loss which nobody has noticed yet", async () => {
    const { rig, made } = await serving();
    rig.pulse.tick();
    rig.losses++;
    rig.hear();
    expect(rig.pulse.state).toBe("lapsed");
    expect(keeps(rig, made.token)).toBe(false);
  });

  it.each(["heard", "answered"])("forgets everything when Redis has lost the canary, as is %s", async (how) => {
    const { rig, made } = await serving();
    rig.pulse.tick();
    if (how === "heard") rig.pulse.message("p:near:me", "lost");
    else await rig.beat.answer("lost");
    expect(rig.states.at(-1)).toBe("lapsed: canary");
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(keeps(rig, made.token)).toBe(false);
  });

  it("says why it never serves if the user of Redis may not publish", async () => {
    const { rig } = await serving();
    rig.pulse.tick();
    await rig.beat.answer("mute");
    rig.clock.at(1000);
    rig.pulse.tick();
    expect(rig.states.at(-1)).toBe("lapsed: refused");
  });

  it("takes another connection if beats are answered and none is heard for two leases", async () => {
    const { rig } = await serving();
    for (let ms = 250; ms <= 2000; ms += 250) {
      rig.clock.at(ms);
      rig.pulse.isAsked = true;
      rig.pulse.tick();
      await rig.beat.answer("told");
      expect(rig.reconnections).toBe(0);
    }
    rig.clock.at(2250);
    rig.pulse.tick();
    expect(rig.reconnections).toBe(1);
    // And then it waits two leases again.
    rig.pulse.ready();
    rig.clock.at(4250);
    rig.pulse.isAsked = true;
    rig.pulse.tick();
    expect(rig.reconnections).toBe(1);
  });

  it("does not take another connection while Redis answers nothing", async () => {
    const { rig } = await serving();
    for (let ms = 250; ms <= 5000; ms += 250) {
      rig.clock.at(ms);
      rig.pulse.isAsked = true;
      rig.pulse.tick();
    }
    expect(rig.reconnections).toBe(0);
    // It does not fill the client with beats either.
    expect(rig.beats.length).toBeLessThanOrEqual(9);
  });

  it("goes on after beats that fail", async () => {
    const { rig } = await serving();
    for (let ms = 250; ms <= 5000; ms += 250) {
      rig.clock.at(ms);
      rig.pulse.isAsked = true;
      rig.pulse.tick();
      await rig.beat.fail();
    }
    expect(rig.pulse.state).toBe("lapsed");
    rig.serveFrom(6000);
    expect(rig.pulse.state).toBe("serving");
  });

  it("ends after ten leases without a lookup, and begins again with the next", async () => {
    const { rig, made } = await serving();
    for (let ticks = 1; ticks <= 40; ticks++) {
      rig.clock.at(ticks * 250);
      rig.pulse.tick();
      rig.hear();
      await rig.beat.answer("told");
    }
    expect(rig.pulse.state).toBe("serving");
    const sent = rig.beats.length;
    rig.clock.at(41 * 250);
    rig.pulse.tick();
    expect(rig.states.at(-1)).toBe("lapsed: idle");
    expect(rig.beats.length).toBe(sent);
    rig.clock.at(100 * 250);
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(rig.beats.length).toBe(sent + 1);
    // Redis answers before the beat is heard: that is no reason to take another connection, which would forget everything.
    await rig.beat.answer("told");
    rig.clock.at(101 * 250);
    rig.pulse.tick();
    expect(rig.reconnections).toBe(0);
    rig.hear();
    // It has heard of every change meanwhile.
    expect(rig.cache.peek(made.token)).toBeDefined();
  });

  it("does not end while lookups are answered from memory", async () => {
    const { rig, made } = await serving();
    for (let ticks = 1; ticks <= 100; ticks++) {
      rig.clock.at(ticks * 250);
      expect(rig.cache.peek(made.token)).toBeDefined();
      rig.pulse.tick();
      rig.hear();
      await rig.beat.answer("told");
    }
    expect(rig.states).toEqual(["serving: heard"]);
  });

  it("is off when it is closed, and stays so", async () => {
    const { rig, made } = await serving();
    rig.pulse.close();
    rig.pulse.close();
    expect(rig.isListening).toBe(false);
    rig.pulse.wake();
    rig.hear();
    expect(rig.pulse.state).toBe("off");
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(rig.states).toEqual(["serving: heard", "off: closed"]);
  });
});
