/** The watched sessions of a process, by a clock and a Redis of the test's own: what is read when, and what ends whom. */
import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { StoreUnavailableError } from "../../../src/index.js";
import { mintToken } from "../../../src/leaves/token.js";
import type { StoredSession } from "../../../src/sessions/session.js";
import type { Watcher } from "../../../src/sessions/watching/watch.js";
import { Watches } from "../../../src/sessions/watching/watches.js";

type Claims = { n: number };
type Read = { readonly id: string; answer(): void; fail(): void };

const MINUTE = 60_000;

/** Watches of a Redis that the test plays. Its clock is another one than that of the process. */
function rig({ lookUpEvery = Number.POSITIVE_INFINITY } = {}) {
  const rig = {
    now: 500,
    /** How long the machine has slept: that is only seen on the wall clock, and on that of Redis. */
    slept: 0,
    /** By how much somebody has set the wall clock. */
    set: 0,
    isReady: true,
    /** By id; a session that is not there is absent. */
    sessions: new Map<string, { n: number; expiresAt: number; absoluteExpiresAt: number; successor?: string }>(),
    reads: [] as Read[],
    /** Whether reads wait for the test. */
    isHeld: false,
    isDown: false,
    /** Whether the subscription is heard. */
    isHearing: false,
    readCount: 0,
    mostUnderWay: 0,
    pulse: {
      isAsked: false,
      woken: 0,
      closed: 0,
      wake: () => void rig.pulse.woken++,
      close: () => void rig.pulse.closed++,
    },
    watches: undefined as unknown as Watches<Claims>,
    redisTime: () => rig.now + rig.slept + 1_000_000,
    add(life = MINUTE, absolute = 10 * MINUTE) {
      const { id, token } = mintToken("0AD");
      rig.sessions.set(id, { n: 0, expiresAt: rig.redisTime() + life, absoluteExpiresAt: rig.redisTime() + absolute });
      return {
        id,
        token,
        get session() {
          return rig.sessions.get(id) as { n: number; expiresAt: number };
        },
      };
    },
    /** Lets time pass, a tick a second. */
    async pass(ms: number) {
      for (const end = rig.now + ms; rig.now < end; ) {
        rig.now = Math.min(end, rig.now + 1000);
        rig.watches.tick();
        await settle();
      }
    },
  };
  let underWay = 0;
  function read(id: string): Promise<StoredSession<Claims> | null> {
    rig.readCount++;
    rig.mostUnderWay = Math.max(rig.mostUnderWay, ++underWay);
    const found = rig.sessions.get(id);
    const readAt = rig.redisTime();
    const stored = found === undefined || readAt >= found.expiresAt ? null : storedOf(id, found, readAt);
    if (rig.isDown) return Promise.reject(new StoreUnavailableError("down")).finally(() => underWay--);
    if (!rig.isHeld) return Promise.resolve(stored).finally(() => underWay--);
    return new Promise((resolve, reject) => {
      const answer = () => resolve(stored);
      rig.reads.push({ id, answer, fail: () => reject(new StoreUnavailableError("down")) });
    });
  }
  rig.watches = new Watches<Claims>({
    clock: { now: () => rig.now, wall: () => rig.now + rig.slept + rig.set + 1_700_000_000_000 },
    channel: "near",
    subscription: { add: () => {}, remove: () => {}, whenReady: async () => {}, isReady: () => rig.isHearing },
    pulse: rig.pulse,
    timeout: 1000,
    lookUpEvery,
    read: ({ id }) => read(id),
    lookUp: read,
    malformed: () => {},
  });
  return rig;
}

function storedOf(
  id: string,
  {
    n,
    expiresAt,
    absoluteExpiresAt,
    successor,
  }: { n: number; expiresAt: number; absoluteExpiresAt: number; successor?: string },
  readAt: number,
) {
  const session = {
    id,
    userId: "ada",
    claims: { n },
    client: {},
    createdAt: 0,
    authenticatedAt: null,
    lastSeenAt: readAt,
    expiresAt,
    absoluteExpiresAt,
  };
  return { session, version: String(n), successor, predecessor: undefined, readAt } as unknown as StoredSession<Claims>;
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const reasonOf = (watch: { signal: AbortSignal }) => (watch.signal.aborted ? watch.signal.reason.reason : "live");

describe("expiry", () => {
  it("is asked for when it is due, never early, and at most a second late", async () => {
    const at = rig();
    const { token, session } = at.add(10_300);
    const watch = await at.watches.watch(token);
    await at.pass(10_000);
    expect([at.readCount, reasonOf(watch)]).toEqual([1, "live"]);
    await at.pass(1500);
    expect([at.readCount, reasonOf(watch)]).toEqual([2, "expired"]);
    expect(at.redisTime() - session.expiresAt).toBeLessThanOrEqual(1300);
    expect(at.watches.size).toBe(0);
  });

  it("is put off by a slide, by one read each time", async () => {
    const at = rig();
    const { token, session } = at.add(10_000);
    const watch = await at.watches.watch(token);
    for (let slides = 1; slides <= 3; slides++) {
      session.expiresAt += 10_000;
      await at.pass(10_000);
    }
    await at.pass(1000);
    // The first, and one each when the end that was known had come.
    expect([at.readCount, reasonOf(watch)]).toEqual([3, "live"]);
    await at.pass(11_000);
    expect(reasonOf(watch)).toBe("expired");
  });

  it("needs no read at the absolute deadline, which nothing moves", async () => {
    const at = rig();
    const { token } = at.add(5000, 5000);
    const watch = await at.watches.watch(token);
    at.isDown = true;
    await at.pass(6500);
    expect([at.readCount, reasonOf(watch)]).toEqual([1, "expired"]);
  });

  it("is not told while Redis does not answer, which is asked again every second", async () => {
    const at = rig();
    const { token } = at.add(5000);
    const watch = await at.watches.watch(token);
    at.isDown = true;
    await at.pass(10_000);
    expect(reasonOf(watch)).toBe("live");
    expect(at.readCount).toBeGreaterThan(4);
    at.isDown = false;
    await at.pass(2000);
    expect(reasonOf(watch)).toBe("expired");
  });

  it("is asked for at intervals with lookUpEvery, by the shortest of a session's watches", async () => {
    const at = rig({ lookUpEvery: 30_000 });
    const { id, token } = at.add(5 * MINUTE);
    const [slow, quick] = [await at.watches.watch(token), await at.watches.watch(token, { lookUpEvery: 2000 })];
    await at.pass(10_000);
    expect(at.readCount).toBeGreaterThanOrEqual(5);
    quick.close();
    const before = at.readCount;
    await at.pass(10_000);
    expect(at.readCount - before).toBeLessThanOrEqual(1);
    at.sessions.delete(id);
    await at.pass(31_000);
    expect(reasonOf(slow)).toBe("unknown");
  });
});

describe("a machine that has slept", () => {
  it("has every session looked up by the next tick: those that are over have expired, the others go on", async () => {
    const at = rig();
    const [short, long] = [at.add(10_000), at.add(10 * MINUTE, 20 * MINUTE)];
    const watches = [await at.watches.watch(short.token), await at.watches.watch(long.token)];
    await at.pass(3000);
    at.slept = MINUTE;
    await at.pass(1000);
    // Even if a message of its end could still come: it has none.
    expect(watches.map(reasonOf)).toEqual(["expired", "live"]);
    expect(at.readCount).toBe(4);
    await at.pass(3000);
    expect(at.readCount).toBe(4);
    // The other is over when Redis says so: its deadline is counted anew.
    await at.pass(long.session.expiresAt - at.redisTime() - 1000);
    expect(watches.map(reasonOf)).toEqual(["expired", "live"]);
    await at.pass(2500);
    expect(watches.map(reasonOf)).toEqual(["expired", "expired"]);
  });

  it("has sessions looked up until Redis answers, if it has lost its connection meanwhile", async () => {
    const at = rig();
    const { token } = at.add(10_000);
    const watch = await at.watches.watch(token);
    at.isDown = true;
    at.slept = MINUTE;
    await at.pass(3000);
    expect(reasonOf(watch)).toBe("live");
    at.isDown = false;
    await at.pass(1000);
    expect(reasonOf(watch)).toBe("expired");
  });

  it("is not told from a wall clock that was set forward, so that ends no session, and costs one read", async () => {
    const at = rig();
    const { token } = at.add(10_000, 10_000);
    const watch = await at.watches.watch(token);
    at.set = 60 * MINUTE;
    await at.pass(3000);
    expect([at.readCount, reasonOf(watch)]).toEqual([2, "live"]);
    await at.pass(8000);
    expect(reasonOf(watch)).toBe("expired");
  });

  it("is seen also after the wall clock was set back", async () => {
    const at = rig();
    const { token } = at.add(10_000);
    const watch = await at.watches.watch(token);
    at.set = -60 * MINUTE;
    await at.pass(1000);
    at.slept = MINUTE;
    await at.pass(1000);
    expect(reasonOf(watch)).not.toBe("live");
  });
});

describe("a lost connection", () => {
  it("has every session looked up when it is back, a few at a time", async () => {
    const at = rig();
    const all = Array.from({ length: 1000 }, () => at.add());
    const watches = await Promise.all(all.map(({ token }) => at.watches.watch(token)));
    at.watches.lost();
    for (const { id } of all.slice(0, 500)) at.sessions.delete(id);
    at.isHeld = true;
    [at.readCount, at.mostUnderWay] = [0, 0];
    at.watches.ready();
    await settle();
    expect([at.readCount, watches.map(reasonOf).filter((reason) => reason !== "live").length]).toEqual([32, 0]);
    at.isHeld = false;
    for (const { answer } of at.reads.splice(0)) answer();
    for (let turns = 0; turns < 1000 && at.readCount < 1000; turns++) await settle();
    await settle();
    expect(at.readCount).toBe(1000);
    expect(watches.slice(0, 500).every((watch) => reasonOf(watch) === "unknown")).toBe(true);
    expect(watches.slice(500).every((watch) => reasonOf(watch) === "live")).toBe(true);
    expect(at.watches.size).toBe(500);
  });

  it("is not made good by a read from before the subscription was back", async () => {
    const at = rig();
    const { id, token } = at.add();
    const watch = await at.watches.watch(token, { lookUpEvery: 1000 });
    at.watches.lost();
    await at.pass(2000);
    expect(at.readCount).toBeGreaterThan(1);
    // Nobody hears of this.
    at.sessions.delete(id);
    at.watches.ready();
    await settle();
    expect(reasonOf(watch)).toBe("unknown");
  });

  it("between the look-up of a watch and its answer has it looked up again", async () => {
    const at = rig();
    const { id, token } = at.add();
    at.isHeld = true;
    const watching = at.watches.watch(token);
    await settle();
    at.watches.lost();
    at.sessions.delete(id);
    at.watches.ready();
    at.isHeld = false;
    for (const { answer } of at.reads.splice(0)) answer();
    const watch = await watching;
    await settle();
    expect(reasonOf(watch)).toBe("unknown");
  });
});

describe("a message", () => {
  it("of a change leads to one read for all that come until it is sent", async () => {
    const at = rig();
    const { id, token, session } = at.add();
    const watch = await at.watches.watch(token);
    const updates: number[] = [];
    watch.on("updated", ({ claims }) => updates.push(claims.n));
    at.isHeld = true;
    for (session.n = 1; session.n < 5; session.n++) at.watches.message("near", `~ ${id}`);
    expect(at.readCount).toBe(2 + 3);
    at.isHeld = false;
    for (const { answer } of at.reads.splice(0)) answer();
    await settle();
    expect(updates).toEqual([1, 2, 3, 4]);
  });

  it.each([0, 1])(
    "of a change leaves the newest state, even if reads overtake each other that are %i ms apart",
    async (apart) => {
      const at = rig();
      const { id, token, session } = at.add();
      const watch = await at.watches.watch(token);
      at.isHeld = true;
      for (session.n = 1; session.n < 3; session.n++) {
        at.now += apart;
        at.watches.message("near", `~ ${id}`);
      }
      for (const { answer } of at.reads.splice(0).reverse()) answer();
      await settle();
      expect(watch.session?.claims).toEqual({ n: 2 });
    },
  );

  it("of a change after others that wait is read first", async () => {
    const at = rig();
    const all = Array.from({ length: 100 }, () => at.add());
    await Promise.all(all.map(({ token }) => at.watches.watch(token)));
    at.isHeld = true;
    at.watches.ready();
    at.watches.message("near", `~ ${all[99]?.id}`);
    at.watches.message("near", `~ ${all[99]?.id}`);
    at.reads.shift()?.answer();
    await settle();
    expect(at.reads.at(-1)?.id).toBe(all[99]?.id);
  });

  it("that this version does not know has all looked up", async () => {
    const at = rig();
    const [one, two] = [at.add(), at.add()];
    const watches = [await at.watches.watch(one.token), await at.watches.watch(two.token)];
    at.sessions.delete(one.id);
    at.watches.message("near", "? something new");
    await settle();
    expect(watches.map(reasonOf)).toEqual(["unknown", "live"]);
  });

  it("that tells why is waited for by a look-up that was faster, and only for a moment", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    try {
      const at = rig();
      at.isHearing = true;
      const [one, two] = [at.add(), at.add()];
      const watches = [await at.watches.watch(one.token), await at.watches.watch(two.token)];
      at.sessions.clear();
      at.watches.doubt();
      await settle();
      expect(watches.map(reasonOf)).toEqual(["live", "live"]);
      at.watches.message("near", `n ${one.id}`);
      vi.advanceTimersByTime(200);
      expect(watches.map(reasonOf)).toEqual(["rotated", "unknown"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("that ends a thousand at once ends all of them, and keeps nothing", async () => {
    const at = rig();
    const all = Array.from({ length: 1000 }, () => at.add());
    const watches = await Promise.all(all.map(({ token }) => at.watches.watch(token)));
    at.watches.message("near", `a ${all.map(({ id }) => id).join(" ")}`);
    expect(new Set(watches.map(reasonOf))).toEqual(new Set(["all"]));
    expect(at.watches.size).toBe(0);
  });
});

describe("a session in the grace of its rotation", () => {
  it("has been rotated for a watch that begins, and for one that is looked up", async () => {
    const at = rig();
    const { id, token } = at.add();
    const watch = await at.watches.watch(token);
    Object.assign(at.sessions.get(id) as object, { successor: "another" });
    const late = await at.watches.watch(token);
    expect([reasonOf(late), late.session?.id]).toEqual(["rotated", id]);
    at.watches.doubt();
    await settle();
    expect(reasonOf(watch)).toBe("rotated");
  });
});

describe("unsureAfter", () => {
  it("ends a watch when nothing was heard for so long, and no other", async () => {
    const at = rig();
    const { token } = at.add(10 * MINUTE);
    const [limited, patient] = [await at.watches.watch(token, { unsureAfter: 10_000 }), await at.watches.watch(token)];
    for (let seconds = 0; seconds < 20; seconds++) {
      at.watches.heard(at.now);
      await at.pass(1000);
    }
    expect(reasonOf(limited)).toBe("live");
    await at.pass(9000);
    expect(reasonOf(limited)).toBe("live");
    await at.pass(2000);
    expect([reasonOf(limited), reasonOf(patient)]).toEqual(["unsure", "live"]);
  });

  it("takes no beat after a loss for news of a session that was not read since", async () => {
    const at = rig();
    const { token } = at.add(10 * MINUTE);
    const watch = await at.watches.watch(token, { unsureAfter: 5000 });
    at.watches.lost();
    at.isDown = true;
    at.watches.ready();
    for (let seconds = 0; seconds < 7; seconds++) {
      at.watches.heard(at.now);
      await at.pass(1000);
    }
    expect(reasonOf(watch)).toBe("unsure");
  });

  it("counts a read as news", async () => {
    const at = rig();
    const { token } = at.add(10 * MINUTE);
    const watch = await at.watches.watch(token, { unsureAfter: 5000, lookUpEvery: 2000 });
    await at.pass(20_000);
    expect(reasonOf(watch)).toBe("live");
  });
});

describe("what is kept", () => {
  it("is nothing when all have ended or were closed, whatever is under way", async () => {
    const at = rig();
    const all = Array.from({ length: 20 }, () => at.add(2000));
    const watches = await Promise.all(all.map(({ token }) => at.watches.watch(token, { unsureAfter: 5000 })));
    expect([at.watches.size, at.pulse.woken > 0]).toEqual([20, true]);
    at.isHeld = true;
    at.watches.doubt();
    for (const watch of watches.slice(0, 10)) watch.close();
    at.sessions.clear();
    for (const { answer } of at.reads.splice(0)) answer();
    await settle();
    at.isHeld = false;
    await at.pass(5000);
    expect([at.watches.size, watches.slice(10).map(reasonOf)]).toEqual([0, Array(10).fill("expired")]);
    // A watch whose look-up fails, or whose owner gives up while it begins.
    const { token } = at.add();
    at.isDown = true;
    await expect(at.watches.watch(token)).rejects.toThrow("down");
    at.isDown = false;
    at.isHeld = true;
    const controller = new AbortController();
    const refused = expect(at.watches.watch(token, { signal: controller.signal })).rejects.toBe("enough");
    await settle();
    controller.abort("enough");
    at.reads.shift()?.answer();
    await refused;
    expect(at.watches.size).toBe(0);
  });

  it("is no listener on the signal that would have closed it", async () => {
    const at = rig();
    const { signal } = new AbortController();
    const { id, token } = at.add();
    const watches = await Promise.all([1, 2, 3].map(() => at.watches.watch(token, { signal })));
    await at.watches.watch("rubbish", { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(3);
    watches[0]?.close();
    at.watches.message("near", `r ${id}`);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("is one entry for all watches of a session, which each are closed for themselves", async () => {
    const at = rig();
    const { id, token } = at.add();
    const watches = await Promise.all([1, 2, 3].map(() => at.watches.watch(token)));
    expect(at.watches.size).toBe(1);
    watches[0]?.close();
    at.watches.message("near", `r ${id}`);
    expect(watches.map(reasonOf)).toEqual(["live", "revoked", "revoked"]);
    expect(watches.map((watch) => (watch as Watcher<Claims>).isOver)).toEqual([true, true, true]);
    watches[1]?.close();
  });

  it("is ended by close, with the pulse", async () => {
    const at = rig();
    const watch = await at.watches.watch(at.add().token);
    at.watches.close();
    at.watches.close();
    expect([reasonOf(watch), at.watches.size, at.pulse.closed]).toEqual(["unsure", 0, 1]);
    await expect(at.watches.watch(at.add().token)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});
