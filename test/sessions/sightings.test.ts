/** How the HTTP kit looks sessions up, also in a store that somebody has wrapped. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { sightingsOf } from "../../src/sessions/sightings.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix });

describe("a sighting", () => {
  it("tells when Redis read the session", async () => {
    const { token, session } = await store.create();
    const seen = await sightingsOf(store).touch(token);
    expect(seen?.session).toEqual(session);
    expect(seen?.readAt).toBeGreaterThanOrEqual(session.createdAt);
  });

  it("is null where there is no such live session", async () => {
    expect(await sightingsOf(store).touch("rubbish")).toBeNull();
  });

  const asked: unknown[] = [];
  const touch = (token: unknown) => {
    asked.push(token);
    return store.touch(token);
  };
  const late = { ...store };
  it.each<[string, SessionStore, (() => void)?]>([
    ["a copy with another touch", { ...store, touch }],
    ["an object that inherits from it", Object.create(store, { touch: { value: touch } })],
    [
      "a proxy",
      new Proxy({ ...store }, { get: (target, name) => (name === "touch" ? touch : Reflect.get(target, name)) }),
    ],
    ["a copy whose touch is replaced after the kit has it", late, () => Object.assign(late, { touch })],
  ])("of a store wrapped as %s comes through its wrapping, and does not tell when", async (_, wrapped, replace) => {
    const seen = sightingsOf(wrapped);
    replace?.();
    const { token, session } = await store.create();
    asked.length = 0;
    expect(await seen.touch(token)).toEqual({ session, readAt: 0 });
    expect(await seen.touch("rubbish")).toBeNull();
    expect(asked).toEqual([token, "rubbish"]);
  });

  it("of a store whose other verbs are wrapped still tells when", async () => {
    const { token } = await store.create();
    expect((await sightingsOf({ ...store, create: () => store.create() }).touch(token))?.readAt).toBeGreaterThan(0);
  });
});
