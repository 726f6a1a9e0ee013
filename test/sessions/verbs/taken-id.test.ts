/** The id of a new session that another session has already: one in 2^65 ids of one millisecond, so here it is forced. */
import { describe, expect, it, vi } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import * as tokens from "../../../src/leaves/token.js";
import { Keys } from "../../../src/sessions/keys.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";

vi.mock("../../../src/leaves/token.js", async (original) => {
  const real = await original<typeof tokens>();
  return { ...real, mintToken: vi.fn(real.mintToken) };
});

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix });
const keys = new Keys(prefix);

/** Lets the next token have the id of a session that is there, and a secret of its own. */
function mintAgain(id: string): void {
  const { secretHash, token } = tokens.mintToken(tokens.bucketOfId(id));
  vi.mocked(tokens.mintToken).mockReturnValueOnce({ id, secretHash, token: id + token.slice(id.length) });
}

describe("an id that another session has", () => {
  it.each([0, 10_000])("is not taken by a rotation with a grace of %d ms, which takes another", async (grace) => {
    const other = await store.create({ userId: "ada", claims: { secret: 1 } });
    const { token } = await store.create({ userId: "ada", claims: { own: 1 } });
    const before = await redis.hgetall(keys.session(other.session.id));
    mintAgain(other.session.id);
    const rotated = await store.rotate(token, { grace });
    expect(rotated?.session.claims).toEqual({ own: 1 });
    expect(rotated?.session.id).not.toBe(other.session.id);
    expect(await store.get(rotated?.token)).toEqual(rotated?.session);
    expect(await redis.hgetall(keys.session(other.session.id))).toEqual(before);
    expect(await store.get(other.token)).toEqual(other.session);
  });

  it("is not taken by a creation", async () => {
    const other = await store.create({ userId: "ada", claims: { secret: 1 } });
    mintAgain(other.session.id);
    const created = await store.create({ userId: "ada" });
    expect(created.session.id).not.toBe(other.session.id);
    expect(await store.get(other.token)).toEqual(other.session);
  });
});

describe("a rotation without grace after one with grace", () => {
  it("leaves no name of a predecessor, which has ended", async () => {
    const { token } = await store.create({ userId: "ada" });
    const second = await store.rotate(token, { grace: 10_000 });
    expect(await redis.hget(keys.session(second?.session.id ?? ""), "p")).toBe(token.slice(0, 26));
    const third = await store.rotate(second?.token);
    expect(await redis.hget(keys.session(third?.session.id ?? ""), "p")).toBeNull();
    for (const each of [token, second?.token]) expect(await store.get(each)).toBeNull();
  });
});
