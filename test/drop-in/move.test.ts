/**
 * The move from connect-redis 7 to 10 or koa-redis: two servers behind one name, one with the old store and one with ours,
 * and one browser whose requests fall to either. Nobody is logged out, whichever way it goes.
 */
import { describe, expect, it } from "vitest";
import { RedisStore } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { FRAMEWORKS, startApp } from "./rig.js";
import { startSubjects } from "./subjects.js";

const subjects = await startSubjects();
const { redis } = subjects;

const pairs = FRAMEWORKS.flatMap((framework) =>
  subjects.predecessors(framework).map((predecessor) => ({ framework, ...predecessor })),
);

describe.each(pairs)("on $framework beside $name", ({ framework, client, theirs }) => {
  const { prefix } = theirs;

  /** An app with the old store and one with ours, on the same sessions. */
  async function sideBySide() {
    const options = { client, prefix };
    const store = framework === "koa-session" ? new KoaRedisStore(options) : new RedisStore(options);
    const old = await startApp(framework, theirs.store(), { maxAge: 60_000 });
    return { old, ours: await startApp(framework, store, { maxAge: 60_000 }) };
  }

  it("alternates between the two without losing the session or a change", async () => {
    const { old, ours } = await sideBySide();
    const browser = ours.browser();
    await browser.request("set=views:0");
    for (let views = 1; views <= 10; views++) {
      const { body } = await browser.copy(views % 2 ? old : ours).request(`set=v${views}:1`);
      expect(Object.keys(body?.session ?? {}).filter((name) => name.startsWith("v"))).toHaveLength(views + 1);
    }
  });

  it("logs somebody out on either for both", async () => {
    const { old, ours } = await sideBySide();
    for (const [from, to] of [
      [old, ours],
      [ours, old],
    ] as const) {
      const browser = from.browser();
      const { body } = await browser.request("set=user:ada");
      expect((await browser.copy(to).request()).body).toMatchObject({ sid: body?.sid, session: { user: "ada" } });
      await browser.copy(to).request("end=logout");
      expect((await browser.copy(from).request()).body?.session["user"]).toBeUndefined();
    }
  });

  it("keeps what both change at once, as long as ours saves last", async () => {
    const { old, ours } = await sideBySide();
    const browser = old.browser();
    await browser.request("set=user:ada");
    const underWay = browser.copy(ours).request("set=b:1&hold=1");
    await ours.held(1);
    await browser.copy(old).request("set=a:1");
    ours.release();
    await underWay;
    expect((await browser.copy(old).request()).body?.session).toMatchObject({ user: "ada", a: "1", b: "1" });
  });

  it("leaves records that the old store can read after a rollback, merged ones too", async () => {
    const { old, ours } = await sideBySide();
    const browser = ours.browser();
    const { body } = await browser.request("set=user:ada");
    const both = ["a", "b"].map((name) => browser.copy().request(`set=${name}:1&hold=1`));
    await ours.held(2);
    ours.release();
    await Promise.all(both);
    const record = JSON.parse((await redis.get(`${prefix}${body?.sid}`)) ?? "");
    expect(record).toMatchObject({ user: "ada", a: "1", b: "1" });
    if (framework !== "koa-session")
      expect(Object.keys(record.cookie)).toEqual(expect.arrayContaining(["expires", "path"]));
    expect((await browser.copy(old).request("set=c:1")).body?.session).toMatchObject({
      user: "ada",
      a: "1",
      b: "1",
      c: "1",
    });
  });
});
