/** Requests at once, and in a row on one connection, have nothing to do with each other. */
import { Agent } from "node:http";
import type { Cases } from "../adapter-contract.js";
import { demandEqual, demandStatus, jsonOf } from "../demands.js";
import { cookie, valuesOf } from "../stage.js";
import { Turnstile } from "../turnstile.js";

const AT_ONCE = 24;

export const manyAtOnceCases: Cases = {
  "requests at once have each their own session": async (stage) => {
    const { app, turnstile } = await stage.openHeld();
    const users = Array.from({ length: AT_ONCE }, (_, n) => `user-${n}`);
    const issued = await Promise.all(users.map((userId) => stage.store.create({ userId })));
    const running = issued.map(({ token }) => app.send("GET", "/me", cookie(token)));
    // All of them are being looked up before the first one is answered, and the last that came is answered first.
    await turnstile.reached(AT_ONCE, running);
    turnstile.open();
    const seen = (await Promise.all(running)).map((answer) => jsonOf(answer)["user"]);
    demandEqual(
      seen,
      users,
      "A request got the session of another: an adapter must keep nothing outside of the request.",
    );
  },

  "log-ins at once set each their own cookie": async (stage) => {
    const turnstile = new Turnstile();
    const app = await stage.open(
      {},
      {
        create: async (options) => {
          const issued = await stage.store.create(options);
          await turnstile.stand();
          return issued;
        },
      },
    );
    const running = Array.from({ length: AT_ONCE }, (_, n) => app.send("POST", `/login?user=user-${n}`));
    await turnstile.reached(AT_ONCE, running);
    turnstile.open();
    for (const [n, answer] of (await Promise.all(running)).entries()) {
      demandStatus(answer, 200, "a log-in must succeed");
      const tokens = valuesOf(answer);
      const owners = await Promise.all(tokens.map(async (token) => (await stage.store.get(token))?.userId ?? null));
      demandEqual(
        owners,
        [`user-${n}`],
        "A log-in got the cookie of another: an adapter must keep nothing outside of the request.",
      );
    }
  },

  "requests in a row on one connection have each their own session": async (stage) => {
    const app = await stage.open();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const [ada, eve] = [await stage.store.create({ userId: "ada" }), await stage.store.create({ userId: "eve" })];
      const turns = [cookie(ada.token), {}, cookie(eve.token), cookie("rubbish")] as const;
      const seen: unknown[] = [];
      for (let n = 0; n < 40; n++) seen.push(jsonOf(await app.send("GET", "/", turns[n % 4], agent))["user"]);
      const expected = Array.from({ length: 40 }, (_, n) => ["ada", null, "eve", null][n % 4]);
      demandEqual(seen, expected, "A request got the session of the request before it on the same connection.");
    } finally {
      agent.destroy();
    }
  },
};
