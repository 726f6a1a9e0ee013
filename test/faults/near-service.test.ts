/** The judge of what a near cache served over a fault: it must see what breaks the promise, and must not blame what does not. */
import { describe, expect, it } from "vitest";
import type { History } from "./near/prober.js";
import { Service, type Suffered } from "./near/service.js";

const LEASE = 1000;

const history = (more: Partial<History> = {}): History => ({ memory: [], found: [], missing: [], failed: [], ...more });

/** A fault from 0 to 3000, in which a session was revoked at 100. */
function suffered(revoked: Partial<History>, lasting: Partial<History> = {}): Suffered {
  return {
    ...{ begun: 0, deaf: null, ended: 3000 },
    lasting: history({ memory: [10, 900, 3100], ...lasting }),
    revoked: [{ ...history({ missing: [2000], ...revoked }), acknowledged: 100 }],
  };
}

function judged(what: Suffered, memoryOnly = false): Service {
  const service = new Service(LEASE, memoryOnly);
  service.add(what);
  return service;
}

describe("the judge of what memory served", () => {
  it("measures from the acknowledgement to the last lookup that was accepted", () => {
    const service = judged(suffered({ memory: [50, 120, 1100] }));
    expect(service.longest).toBe(1000);
    expect(service.broken).toEqual([]);
  });

  it("blames memory, or Redis, for what was served after a lease", () => {
    const broken = ["P9: a session was served 1001 ms after its revocation was acknowledged"];
    expect(judged(suffered({ memory: [1101] })).broken).toEqual(broken);
    expect(judged(suffered({ found: [1101] })).broken).toEqual(broken);
  });

  it("does not blame memory for what an old master answers, and counts it", () => {
    const service = judged(suffered({ found: [2000, 2500] }), true);
    expect(service.broken).toEqual([]);
    expect(service.further()).toMatchObject({ "found by lookups that the old master answered, as without `near`": 2 });
    expect(judged(suffered({ memory: [1101] }), true).broken).toHaveLength(1);
  });

  it("blames a lookup of a live session that finds nothing, and a memory that does not come back", () => {
    expect(judged(suffered({}, { missing: [500] })).broken).toEqual(["P8: 1 lookups of a live session gave null"]);
    expect(judged(suffered({}, { memory: [10] })).broken).toEqual(["P9: memory does not answer again after the fault"]);
  });

  it("blames a memory that answers for longer than a lease without a beat, though nobody revokes", () => {
    const answers = (until: number) => ({
      ...suffered({}, { memory: [10, until, 2950, 3100] }),
      // The end of the fault took 100 ms, and memory answered before that was over.
      deaf: { from: 200, to: 2900 },
    });
    expect(judged(answers(1200)).broken).toEqual([]);
    expect(judged(answers(1300)).broken).toEqual([
      "P9: memory still answered 1100 ms after the last beat that could come back",
    ]);
  });

  it("tells how long memory went on answering, and how long it paused then", () => {
    const service = judged(suffered({}, { memory: [-500, 10, 900, 3100, 3200] }));
    expect(service.further()).toMatchObject({
      "memory went on answering for": "900 ms",
      "then it paused for": "2200 ms",
    });
  });

  it("accepts no fault under which nobody asked, and no revocation that nobody heard of", () => {
    expect(() => judged(suffered({ memory: [50], missing: [] }))).toThrow("Nobody asked");
    const unheard = suffered({});
    const revoked = unheard.revoked.map((one) => ({ ...one, acknowledged: null }));
    expect(() => judged({ ...unheard, revoked })).toThrow("never acknowledged");
  });

  it("measures an outage from the fault to the next lookup that succeeds, and the recovery from its end", () => {
    const failed = [
      { begun: 1000, ended: 2000, code: "STORE_UNAVAILABLE" },
      { begun: 2001, ended: 3010, code: "STORE_UNAVAILABLE" },
    ];
    const service = judged(suffered({}, { failed, found: [3050] }));
    expect([service.outage, service.recovery]).toEqual([3050, 10]);
    expect(service.errors).toEqual({ STORE_UNAVAILABLE: 2 });
    expect(judged(suffered({})).outage).toBeNull();
  });
});
