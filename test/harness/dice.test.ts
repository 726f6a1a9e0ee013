import { describe, expect, it } from "vitest";
import { Dice } from "./dice.js";

const throws = (dice: Dice) => Array.from({ length: 20 }, () => dice.below(1000));

describe("dice", () => {
  it("fall the same with the same seed, and otherwise with another", () => {
    expect(throws(new Dice(4_294_967_295))).toEqual(throws(new Dice(4_294_967_295)));
    expect(throws(new Dice(1))).not.toEqual(throws(new Dice(2)));
  });

  it("that were split off fall as they will, whoever throws in between, and so do theirs", () => {
    const [one, other] = [new Dice(7), new Dice(7)];
    const [ofOne, ofOther] = [one.split(), other.split()];
    throws(one);
    expect(throws(ofOne)).toEqual(throws(ofOther));
    expect(throws(ofOne.split())).not.toEqual(throws(other));
  });

  it("keep to their bounds and weights", () => {
    const dice = new Dice(3);
    const faces = Array.from({ length: 600 }, () => dice.within(1, 6));
    expect(new Set(faces)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    expect(dice.below(1)).toBe(0);
    const named = Array.from({ length: 100 }, () => dice.weighed({ often: 9, seldom: 1, never: 0 }));
    expect(new Set(named)).toEqual(new Set(["often", "seldom"]));
    expect(() => dice.pick([])).toThrow(RangeError);
  });
});
