/** Which sessions memory keeps if there is no room for all. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Entries, type Entry, entryOf } from "../../../src/sessions/near/entries.js";
import { fingerprintOf, placeOf } from "../../../src/sessions/near/fingerprint.js";
import { type Made, makeSession } from "./rig.js";

function entry(made: Made = makeSession()): Entry<object> {
  const held = { fingerprint: fingerprintOf(made.token), secretHash: "hash" };
  return entryOf(made.stored(), held, { now: 0, wall: 0 }, { touchInterval: 60_000, margin: 1000 });
}

const many = (count: number) => Array.from({ length: count }, () => entry());
const idOf = ({ session }: Entry<object>) => session.id;

function filled(most: number, kept: readonly Entry<object>[]): Entries<object> {
  const entries = new Entries<object>(most);
  for (const each of kept) entries.set(each);
  return entries;
}

/** Entries of two sessions whose ids end with the same six characters. */
function twoOfOnePlace(): [Entry<object>, Entry<object>] {
  const [first, second] = [entry(), entry()];
  const id = idOf(second).slice(0, 20) + idOf(first).slice(20);
  const other = { ...second, session: { ...second.session, id } };
  expect(placeOf(idOf(other))).toBe(placeOf(idOf(first)));
  return [first, other];
}

describe("memory", () => {
  it("keeps as many entries as it may, and the least recently used one makes room for the next", () => {
    const kept = many(4);
    const entries = filled(4, kept);
    for (const at of [0, 1, 3]) entries.at(placeOf(idOf(kept[at] as Entry<object>)));
    const next = entry();
    entries.set(next);
    expect(entries.size).toBe(4);
    expect([...kept, next].map((each) => entries.of(idOf(each)) === each)).toEqual([true, true, false, true, true]);
  });

  it("puts a session that is read again in its own place", () => {
    const made = makeSession();
    const [first, second] = [entry(made), entry(made)];
    const entries = filled(1, [first]);
    entries.set(second);
    expect(entries.size).toBe(1);
    expect(entries.of(made.id)).toBe(second);
  });

  it("keeps the later one of two sessions that have one place, and forgets only the one that it is told of", () => {
    const [first, second] = twoOfOnePlace();
    const entries = filled(10, [first, second]);
    expect(entries.size).toBe(1);
    expect(entries.of(idOf(first))).toBeUndefined();
    expect(entries.of(idOf(second))).toBe(second);
    entries.delete(idOf(first));
    expect(entries.of(idOf(second))).toBe(second);
    entries.delete(idOf(second));
    expect(entries.size).toBe(0);
  });

  it("loses no session without need, and keeps none that it was told to forget, whatever comes in what order", () => {
    const sessions = Array.from({ length: 8 }, () => makeSession());
    const step = fc.record({ what: fc.constantFrom("set", "set", "use", "delete", "clear"), at: fc.nat(7) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (most, steps) => {
        const entries = new Entries<object>(most);
        const latest = new Map<string, Entry<object>>();
        for (const { what, at } of steps) {
          const { size } = entries;
          const made = sessions[at] as Made;
          const known = entries.of(made.id);
          if (what === "set") {
            latest.set(made.id, entry(made));
            entries.set(latest.get(made.id) as Entry<object>);
            expect(entries.of(made.id)).toBeDefined();
            expect(entries.size).toBe(known === undefined ? Math.min(size + 1, most) : size);
          } else if (what === "delete") {
            entries.delete(made.id);
            latest.delete(made.id);
            expect(entries.size).toBe(known === undefined ? size : size - 1);
          } else if (what === "clear") {
            entries.clear();
            latest.clear();
            expect(entries.size).toBe(0);
          } else entries.at(placeOf(made.id));
          const found = sessions.filter(({ id }) => entries.of(id) !== undefined);
          expect(found.length).toBe(entries.size);
          for (const { id } of found) expect(entries.of(id)).toBe(latest.get(id));
        }
      }),
    );
  });
});
