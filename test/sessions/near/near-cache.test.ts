/** What memory keeps, and what it must not keep: each race is forced, without Redis. */
import { describe, expect, it } from "vitest";
import { StoreUnavailableError } from "../../../src/index.js";
import { CorruptRecordError } from "../../../src/leaves/errors.js";
import { mintToken } from "../../../src/leaves/token.js";
import { makeSession, NearRig } from "./rig.js";

function serving(options?: ConstructorParameters<typeof NearRig>[0]): NearRig {
  const rig = new NearRig(options).start();
  rig.hear();
  return rig;
}

describe("a read that is under way", () => {
  const made = makeSession();
  const events: Record<string, (rig: NearRig) => void> = {
    "a push names the session": (rig) => rig.pulse.message("p:near", `r ${made.id}`),
    "a push names it among others": (rig) => rig.pulse.message("p:near", `u ${makeSession().id} ${made.id}`),
    "a push of a change names it": (rig) => rig.pulse.message("p:near", `~ ${made.id}`),
    "a message comes that nobody understands": (rig) => rig.pulse.message("p:near", "? what"),
    "an own write names it": (rig) => rig.cache.forget(made.id),
    "an own write fails": (rig) => rig.cache.doubt("another", undefined),
    "the subscriber loses its connection": (rig) => rig.pulse.lost(),
    "the client loses its connection": (rig) => void rig.losses++,
    "the client loses its connection, and a lookup has noticed": (rig) => {
      rig.losses++;
      rig.cache.peek(makeSession().token);
      rig.pulse.tick();
    },
    "Redis loses the canary": (rig) => rig.pulse.message("p:near:me", "lost"),
  };
  it.each(Object.entries(events))("is not kept if meanwhile %s", async (_, happen) => {
    const rig = serving();
    const looking = rig.cache.touch(made.token);
    happen(rig);
    await rig.read.answer(made.stored());
    // The caller still gets it: at the time of the read it was right.
    expect((await looking)?.id).toBe(made.id);
    rig.pulse.ready();
    rig.pulse.tick();
    rig.hear();
    expect(rig.pulse.state).toBe("serving");
    expect(rig.cache.peek(made.token)).toBeUndefined();
    expect(rig.cache.counts).toMatchObject({ size: 0, fills: 0 });
  });

  it("is kept if a push names another session", async () => {
    const rig = serving();
    const looking = rig.cache.touch(made.token);
    rig.pulse.message("p:near", `r ${makeSession().id}`);
    await rig.read.answer(made.stored());
    await looking;
    expect(rig.cache.peek(made.token)).toBeDefined();
  });

  it("is not kept if the lease did not hold when it was sent, though it holds when it comes back", async () => {
    const rig = new NearRig().start();
    const looking = rig.cache.touch(made.token);
    rig.hear();
    await rig.read.answer(made.stored());
    await looking;
    expect(rig.pulse.state).toBe("serving");
    expect(rig.cache.peek(made.token)).toBeUndefined();
  });

  it("is kept if the lease lapses meanwhile without a loss", async () => {
    const rig = serving();
    const looking = rig.cache.touch(made.token);
    rig.clock.at(1500);
    await rig.read.answer(made.stored());
    await looking;
    expect(rig.cache.peek(made.token)).toBeUndefined();
    rig.serveFrom(1600);
    expect(rig.cache.peek(made.token)).toBeDefined();
  });
});

describe("what a read brings", () => {
  it("is not kept if there is no session", async () => {
    const rig = serving();
    const made = makeSession();
    await rig.fill(made, null);
    expect(rig.cache.counts.size).toBe(0);
  });

  it("is not kept if the session has a successor: what happens to the other happens to it", async () => {
    const rig = serving();
    const made = makeSession();
    await rig.fill(made, made.stored({ successor: makeSession().id }));
    expect(rig.cache.counts.size).toBe(0);
  });
});

describe("memory", () => {
  it("answers for no token that is wrong in its id alone, or in its secret alone", async () => {
    const rig = serving();
    const made = makeSession();
    await rig.fill(made);
    const otherSecret = made.id + mintToken("000").token.slice(26);
    const otherId = mintToken("000").id.slice(0, 20) + made.token.slice(20);
    for (const verb of ["peek", "glance"] as const) {
      expect(rig.cache[verb](made.token)).toBeDefined();
      for (const wrong of [otherSecret, otherId]) expect(rig.cache[verb](wrong)).toBeUndefined();
    }
  });

  it("has no session but the later one of two whose ids end alike, and answers for no other", async () => {
    const rig = serving();
    const [first, second] = [makeSession(), makeSession()];
    const id = second.id.slice(0, 20) + first.id.slice(20);
    const token = id + second.token.slice(26);
    await rig.fill(first);
    const stored = second.stored();
    await rig.fill({ ...second, id, token }, { ...stored, session: { ...stored.session, id } });
    expect(rig.cache.peek(token)?.id).toBe(id);
    expect(rig.cache.peek(first.token)).toBeUndefined();
    // What happens to the other one is nothing to it.
    rig.pulse.message("p:near", `r ${first.id}`);
    expect(rig.cache.peek(token)?.id).toBe(id);
    rig.pulse.message("p:near", `r ${id}`);
    expect(rig.cache.peek(token)).toBeUndefined();
  });

  it("keeps a session that is looked up again and again, though many others come", async () => {
    const rig = serving({ maxEntries: 10 });
    const made = makeSession();
    await rig.fill(made);
    for (let n = 0; n < 50; n++) {
      await rig.fill(makeSession());
      expect(rig.cache.peek(made.token)).toBeDefined();
    }
    expect(rig.cache.counts.size).toBe(10);
  });
});

describe("lookups of one session that come together", () => {
  it("wait for the first, and then look as any hit does", async () => {
    const rig = serving();
    const made = makeSession();
    const wrong = `${made.id}.${mintToken("000").token.slice(27)}`;
    const right = [rig.cache.touch(made.token), rig.cache.touch(made.token)];
    const other = rig.cache.touch(wrong);
    expect(rig.reads.length).toBe(1);
    await rig.read.answer(made.stored());
    for (const each of right) expect((await each)?.id).toBe(made.id);
    // The secret of the third is another: memory does not answer it.
    expect(rig.reads.length).toBe(2);
    await rig.read.answer(null);
    expect(await other).toBeNull();
    expect(rig.cache.peek(made.token)).toBeDefined();
  });

  it("go to Redis by themselves if the first has brought nothing that may be kept", async () => {
    const rig = serving();
    const made = makeSession();
    const lookups = [1, 2, 3].map(() => rig.cache.touch(made.token));
    rig.cache.forget(made.id);
    await rig.reads[0]?.answer(made.stored());
    expect(rig.reads.length).toBe(3);
    await rig.reads[1]?.answer(null);
    await rig.reads[2]?.answer(null);
    expect((await Promise.all(lookups)).map((session) => session?.id)).toEqual([made.id, undefined, undefined]);
  });

  it("fail with the first", async () => {
    const rig = serving();
    const made = makeSession();
    const lookups = Promise.allSettled([1, 2].map(() => rig.cache.touch(made.token)));
    const error = new StoreUnavailableError("no answer");
    await rig.read.fail(error);
    expect(await lookups).toEqual([1, 2].map(() => ({ status: "rejected", reason: error })));
    expect(rig.reads.length).toBe(1);
    // Nothing is stuck.
    await rig.fill(made);
    expect(rig.cache.peek(made.token)).toBeDefined();
  });

  it("do not wait while the lease does not hold", () => {
    const rig = new NearRig().start();
    const made = makeSession();
    for (let n = 1; n <= 3; n++) {
      rig.cache.touch(made.token);
      expect(rig.reads.length).toBe(n);
    }
  });
});

describe("a slide that is due", () => {
  const made = makeSession({ idleTimeout: 10_000 });
  async function due() {
    const rig = serving({ touchInterval: 2000 });
    await rig.fill(made);
    rig.serveFrom(1999);
    rig.cache.peek(made.token);
    expect(rig.reads.length).toBe(1);
    rig.serveFrom(2000);
    return rig;
  }

  it.each(["peek", "touch", "sight"] as const)("is made behind the answer of %s, once", async (verb) => {
    const rig = await due();
    expect(rig.cache[verb](made.token)).toBeDefined();
    expect(rig.cache[verb](made.token)).toBeDefined();
    expect(rig.reads.map(({ kind }) => kind)).toEqual(["touch", "slide"]);
    await rig.read.answer(made.stored({ age: 2000, seen: 2000 }));
    expect(rig.cache.peek(made.token)?.lastSeenAt).toBe(made.stored({ seen: 2000 }).session.lastSeenAt);
    expect(rig.reads.length).toBe(2);
    // The next one is due an interval later.
    rig.serveFrom(3999);
    rig.cache.peek(made.token);
    expect(rig.reads.length).toBe(2);
    rig.serveFrom(4000);
    rig.cache.peek(made.token);
    expect(rig.reads.length).toBe(3);
  });

  it("is not made behind a lookup that does not slide", async () => {
    const rig = await due();
    expect(rig.cache.glance(made.token)).toBeDefined();
    expect(rig.reads.length).toBe(1);
  });

  it("is tried again by the next hit if it fails", async () => {
    const rig = await due();
    rig.cache.peek(made.token);
    await rig.read.fail(new StoreUnavailableError("no answer"));
    expect(rig.reads.length).toBe(2);
    expect(rig.cache.peek(made.token)).toBeDefined();
    expect(rig.reads.length).toBe(3);
  });

  it("that finds no session forgets it", async () => {
    const rig = await due();
    rig.cache.peek(made.token);
    await rig.read.answer(null);
    expect(rig.cache.peek(made.token)).toBeUndefined();
  });

  it("that fails in another way leaves the next lookup to Redis, which rejects to somebody", async () => {
    const rig = await due();
    rig.cache.peek(made.token);
    await rig.read.fail(new CorruptRecordError("key"));
    expect(rig.cache.peek(made.token)).toBeUndefined();
  });

  it("brings nothing if a push has named the session meanwhile", async () => {
    const rig = await due();
    rig.cache.peek(made.token);
    rig.pulse.message("p:near", `r ${made.id}`);
    await rig.read.answer(made.stored({ age: 2000, seen: 2000 }));
    expect(rig.cache.peek(made.token)).toBeUndefined();
  });

  it("is waited for in the last second before the session ends", async () => {
    const rig = await due();
    rig.serveFrom(8999);
    expect(rig.cache.peek(made.token)).toBeDefined();
    await rig.read.fail(new StoreUnavailableError("no answer"));
    rig.serveFrom(9000);
    expect(rig.cache.peek(made.token)).toBeUndefined();
    // A lookup that does not slide need not wait.
    expect(rig.cache.glance(made.token)).toBeDefined();
  });

  it("is not tried at every hit if a touch does not slide, for whatever reason", async () => {
    const rig = await due();
    rig.cache.peek(made.token);
    await rig.read.answer(made.stored({ age: 2000, seen: 0 }));
    for (let n = 0; n < 10; n++) expect(rig.cache.peek(made.token)).toBeDefined();
    expect(rig.reads.length).toBe(2);
  });

  it("is one of a bounded number", async () => {
    const rig = serving({ touchInterval: 100, maxEntries: 1000 });
    const many = Array.from({ length: 200 }, () => makeSession());
    for (const each of many) await rig.fill(each);
    rig.serveFrom(100);
    for (const { token } of many) expect(rig.cache.peek(token)).toBeDefined();
    expect(rig.reads.filter(({ kind }) => kind === "slide").length).toBe(64);
    // Who was left out is slid by a later hit.
    for (const { kind, answer } of [...rig.reads]) if (kind === "slide") await answer(null);
    for (const { token } of many) rig.cache.peek(token);
    expect(rig.reads.filter(({ kind }) => kind === "slide").length).toBe(128);
  });
});

describe("a call of this process whose outcome nobody knows", () => {
  it("makes memory forget the session, what has replaced it, and the sessions of its user", async () => {
    const rig = serving();
    const [one, other, next] = [makeSession(), makeSession(), makeSession()];
    const all = [one, other, next];
    await rig.fill(one, one.stored({ userId: "ada" }));
    await rig.fill(other, other.stored({ userId: "bob" }));
    await rig.fill(next, next.stored({ predecessor: "replaced" }));
    const known = () => all.map(({ token }) => rig.cache.peek(token) !== undefined);
    rig.cache.doubt("unknown", undefined);
    expect(known()).toEqual([true, true, true]);
    rig.cache.doubt(undefined, "ada");
    expect(known()).toEqual([false, true, true]);
    rig.cache.doubt(other.id, undefined);
    expect(known()).toEqual([false, false, true]);
    rig.cache.doubt("replaced", undefined);
    expect(known()).toEqual([false, false, false]);
  });
});
