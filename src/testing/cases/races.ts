/** A session that ends, before a request or while it runs, never comes back. */
import type { Cases } from "../adapter-contract.js";
import { demandEqual, demandStatus, jsonOf } from "../demands.js";
import { cookie } from "../stage.js";
import { Turnstile } from "../turnstile.js";

export const raceCases: Cases = {
  "a session that has ended is refused by the very next request": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    demandStatus(await app.send("GET", "/me", cookie(token)), 200, "the session is live");
    await stage.store.revoke(token);
    const answer = await app.send("GET", "/me", cookie(token));
    demandStatus(answer, 401, "the session was revoked. An adapter must keep nothing from one request for the next");
    const next = await stage.store.create({ userId: "ada" });
    demandStatus(await app.send("GET", "/me", cookie(next.token)), 200, "another session of the user is live");
    await stage.store.blockUser("ada", { until: Date.now() + 600_000 });
    demandStatus(await app.send("GET", "/me", cookie(next.token)), 401, "the user was blocked");
  },

  "a session that ends while a request runs stays ended when the request is answered": async (stage) => {
    const { app, turnstile } = await stage.openHeld();
    const { token, session } = await stage.store.create({ userId: "ada" });
    const running = app.send("GET", "/me", cookie(token));
    await turnstile.reached(1, [running]);
    await stage.store.revoke(token);
    turnstile.open();
    const answer = await running;
    demandStatus(answer, 200, "the session was live when the request came");
    demandEqual(answer.cookies, [], "A request that was under way must set no cookie.");
    const left = [
      await stage.store.get(token),
      await stage.store.find(session.id),
      await stage.store.listForUser("ada"),
    ];
    demandEqual(left, [null, null, []], "The session came back: an adapter must write nothing when a response ends.");
  },

  "a rotation that comes too late for a session that has ended gives none": async (stage) => {
    const turnstile = new Turnstile();
    const app = await stage.open(
      {},
      {
        rotate: async (token, options) => {
          await turnstile.stand();
          return stage.store.rotate(token, options);
        },
      },
    );
    const { token } = await stage.store.create({ userId: "ada" });
    const running = app.send("POST", "/rotate", cookie(token));
    await turnstile.reached(1, [running]);
    await stage.store.revoke(token);
    turnstile.open();
    const answer = await running;
    demandStatus(answer, 200, "rotate() is null for a session that has ended, and no error");
    demandEqual(jsonOf(answer), { rotated: false }, "The route must see that rotate() is null.");
    demandEqual(answer.cookies, [], "A rotation that failed must set no cookie.");
    demandEqual(await stage.store.listForUser("ada"), [], "The session came back.");
  },
};
