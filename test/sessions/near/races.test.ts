/**
 * The races between a read that fills memory and what ends the session, forced on Redis: replies are held in a proxy, and the
 * session ends meanwhile. `COATCHECK_FILL_RACES` says how many of them there are; `npm run test:long` has 10 000.
 */
import { expect, it, vi } from "vitest";
import { createSessionStore } from "../../../src/index.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const RACES = Number(process.env["COATCHECK_FILL_RACES"] ?? 500);
const AT_ONCE = 100;
const FAST = { interval: 1, timeout: 15_000 };
/** How many bytes a reply with one of these sessions has. */
const REPLY = 69;

/** Long, because the tests hold replies, and a lapse would hide what they look for. */
const lease = 20_000;

const server = await startRedisServer();
afterFile(() => server.stop());
const proxy = await startProxy(server.port);
afterFile(() => proxy.close());
const prefix = uniquePrefix();
const admin = connect({ port: server.port });
const elsewhere = createSessionStore(connect({ port: server.port }), { prefix });

/** A store whose lookups go through the proxy, and that hears what is published past it. */
async function behindProxy() {
  const subscriber = connect({ port: server.port, autoResubscribe: false });
  const store = createSessionStore(connect({ port: proxy.port }), {
    prefix,
    timeout: 20_000,
    near: { lease, subscriber },
  });
  afterFile(() => store.close());
  store.peek("");
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
  // Now Redis knows the script, so that each lookup is one command.
  await store.touch((await elsewhere.create()).token);
  return store;
}

const deeds = {
  revoked: (id: string) => elsewhere.revoke(id),
  changed: (id: string) => elsewhere.updateClaims(id, { changed: true }),
};

it.each(Object.entries(deeds))(
  `of ${RACES} reads whose session is %s before their reply comes, none is kept`,
  { timeout: 300_000 },
  async (_, act) => {
    const store = await behindProxy();
    let stale = 0;
    for (let done = 0; done < RACES; done += AT_ONCE) {
      const made = await Promise.all(Array.from({ length: AT_ONCE }, () => elsewhere.create({ userId: "ada" })));
      const { pushes } = store.near.stats;
      proxy.hold("down");
      const looking = Promise.all(made.map(({ token }) => store.touch(token)));
      // Redis has run them all, and their replies wait.
      await proxy.seen(AT_ONCE * REPLY, { direction: "down" });
      await Promise.all(made.map(({ session }) => act(session.id)));
      await vi.waitFor(() => expect(store.near.stats.pushes - pushes).toBeGreaterThanOrEqual(AT_ONCE), FAST);
      proxy.release("down");
      const found = await looking;
      // The replies were from before.
      expect(found.every((session) => session !== null && !("changed" in session.claims))).toBe(true);
      stale += made.filter(({ token }) => store.peek(token) !== undefined).length;
    }
    expect(stale).toBe(0);
    expect(store.near.state).toBe("serving");
  },
);

it("keeps no read during which the subscriber has lost its connection, and with it the push", async () => {
  const store = await behindProxy();
  const { token } = await elsewhere.create();
  proxy.hold("down");
  const looking = store.touch(token);
  await proxy.seen(token.slice(0, 26));
  await admin.client("KILL", "TYPE", "pubsub");
  // Before it is back.
  await elsewhere.revoke(token);
  await vi.waitFor(() => expect(store.near.stats.flushes).toBeGreaterThan(0), FAST);
  proxy.release("down");
  expect(await looking).not.toBeNull();
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
  expect(store.peek(token)).toBeUndefined();
  expect(await store.touch(token)).toBeNull();
});

it("keeps no read that ran twice because the client has lost its connection", async () => {
  const store = await behindProxy();
  const { token } = await elsewhere.create();
  const lost = proxy.dropNextReply();
  const looking = store.touch(token);
  await lost;
  await looking;
  expect(store.near.stats.fills).toBe(1);
  await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
  expect(store.peek(token)).toBeUndefined();
});
