/** The rules by which the changes of one request go on top of another's. */
import { describe, expect, it } from "vitest";
import { cookieLifetime, koaLifetime, mergeChanges } from "../../src/drop-in/merge.js";

const merge = (base: object, mine: object, current: object) =>
  mergeChanges(base as never, mine as never, current as never, cookieLifetime);

describe("the properties of a session", () => {
  it("are each of whoever changed, added or deleted them", () => {
    const base = { same: 1, mine: 1, theirs: 1, dropped: 1, gone: 1 };
    const mine = { same: 1, mine: 2, theirs: 1, gone: 1, added: 1 };
    const current = { same: 1, mine: 1, theirs: 2, dropped: 1, new: 1 };
    expect(merge(base, mine, current)).toEqual({ same: 1, mine: 2, theirs: 2, added: 1, new: 1 });
  });

  it("are of the last writer where two have changed one", () => {
    expect(merge({ a: 1 }, { a: 2 }, { a: 3 })).toEqual({ a: 2 });
    expect(merge({ a: 1 }, {}, { a: 3 })).toEqual({});
    expect(merge({ a: 1 }, { a: 2 }, {})).toEqual({ a: 2 });
  });

  it("are replaced as a whole, never merged below the top level", () => {
    const [base, mine, current] = [{ cart: { a: 1 } }, { cart: {} }, { cart: { a: 1, b: 1 } }];
    expect(merge(base, mine, current)).toEqual({ cart: {} });
    expect(merge(base, base, current)).toEqual(current);
  });

  it("count as the same whatever the order of what is in them", () => {
    expect(merge({ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }, { a: 3 })).toEqual({ a: 3 });
  });

  it("may be called anything", () => {
    const mine = JSON.parse('{"__proto__":{"admin":true},"constructor":1,"hasOwnProperty":2}');
    const merged = merge({}, mine, { toString: 3 });
    expect(JSON.parse(JSON.stringify(merged))).toEqual(
      JSON.parse('{"toString":3,"__proto__":{"admin":true},"constructor":1,"hasOwnProperty":2}'),
    );
    expect((merged as { admin?: boolean }).admin).toBeUndefined();
    expect(JSON.stringify(merge({ toString: 1, a: 1 }, { a: 1 }, { toString: 1, a: 1 }))).toBe('{"a":1}');
    expect(Object.keys(merge({ toString: 1 }, {}, { toString: 1 }))).toEqual([]);
    expect(merge({}, {}, JSON.parse('{"__proto__":1}'))).toEqual(JSON.parse('{"__proto__":1}'));
  });
});

describe("the cookie of a session", () => {
  const cookie = (expires: string | null, originalMaxAge: number | null = 10, more: object = {}) => ({
    cookie: { path: "/", expires, originalMaxAge, ...more },
  });
  const [early, late, latest] = ["2030-01-01T00:00:00.000Z", "2030-01-01T00:01:00.000Z", "2030-01-01T00:02:00.000Z"];

  it("has the later end of two requests that have moved it", () => {
    expect(merge(cookie(early), cookie(late), cookie(latest))).toEqual(cookie(latest));
    expect(merge(cookie(early), cookie(latest), cookie(late))).toEqual(cookie(latest));
  });

  it("has the end that this request gave it where nobody else has moved it, also an earlier one", () => {
    expect(merge(cookie(late), cookie(early), cookie(late))).toEqual(cookie(early));
  });

  it("has the length that one request gave it, such as by 'remember me', and the end with it", () => {
    expect(merge(cookie(early), cookie(late, 5), cookie(latest))).toEqual(cookie(late, 5));
    expect(merge(cookie(early), cookie(latest), cookie(late, 99))).toEqual(cookie(late, 99));
    expect(merge(cookie(early), cookie(null, null), cookie(latest))).toEqual(cookie(null, null));
    expect(merge(cookie(early), cookie(late, 5), cookie(latest, 99))).toEqual(cookie(late, 5));
  });

  it("has every other field of whoever changed it", () => {
    expect(merge(cookie(early), cookie(early, 10, { secure: true }), cookie(late, 10, { sameSite: "lax" }))).toEqual(
      cookie(late, 10, { secure: true, sameSite: "lax" }),
    );
  });

  it("may be missing on either side", () => {
    expect(merge({}, { a: 1 }, cookie(late))).toEqual({ a: 1, ...cookie(late) });
    expect(merge({}, cookie(late), { a: 1 })).toEqual({ a: 1, ...cookie(late) });
    expect(merge({}, {}, { a: 1 })).toEqual({ a: 1 });
  });
});

describe("the times of koa-session", () => {
  const of = (base: object, mine: object, current: object) =>
    mergeChanges(base as never, mine as never, current as never, koaLifetime);

  it("are the later, or of whoever changed how long it lives", () => {
    const times = (_expire: number, _maxAge = 10) => ({ _expire, _maxAge });
    expect(of(times(1), { ...times(2), a: 1 }, { ...times(3), b: 1 })).toEqual({ ...times(3), a: 1, b: 1 });
    expect(of(times(1), times(3), times(2))).toEqual(times(3));
    expect(of(times(1), times(2, 99), times(3))).toEqual(times(2, 99));
    expect(of(times(1), times(3), { _session: true })).toEqual({ _session: true });
    expect(of(times(1), { _session: true }, times(3))).toEqual({ _session: true });
  });
});
