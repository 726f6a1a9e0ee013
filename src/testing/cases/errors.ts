/** Errors become answers with the right status, and with the headers that an error has. */
import { NotReplicatedError, StoreUnavailableError } from "../../leaves/errors.js";
import type { Cases } from "../adapter-contract.js";
import { demand, demandEqual, demandStatus, jsonOf } from "../demands.js";
import { bearer, cookie, valuesOf } from "../stage.js";

export const errorCases: Cases = {
  "a guarded route without a session is 401": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    await stage.store.revoke(token);
    for (const headers of [{}, cookie(token), cookie("rubbish"), cookie("")]) {
      const answer = await app.send("GET", "/me", headers);
      demandStatus(answer, 401, "there is no live session. Errors of coatcheck have a status: answer with it");
      demandEqual(answer.cookies, [], "A refusal must set and take back no cookie.");
    }
    demandEqual(jsonOf(await app.send("GET", "/", cookie(token))), { user: null }, "An open route must stay open.");
  },

  "a guard with where is 403 for others": async (stage) => {
    const app = await stage.open();
    const [ada, admin] = [await stage.store.create({ userId: "ada" }), await stage.store.create({ userId: "admin" })];
    demandStatus(await app.send("GET", "/admin", cookie(ada.token)), 403, "the session does not meet the requirement");
    demandStatus(await app.send("GET", "/admin", cookie(admin.token)), 200, "the session meets the requirement");
    demandStatus(await app.send("GET", "/admin"), 401, "there is no session");
  },

  "the log-in of a blocked user is 403, and sets no cookie": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "mallory" });
    await stage.store.blockUser("mallory", { until: Date.now() + 600_000, reason: "said the moderator" });
    const answer = await app.send("POST", "/login?user=mallory");
    demandStatus(answer, 403, "the user is blocked");
    demandEqual(valuesOf(answer), [], "A refused log-in must set no session cookie.");
    demand(!answer.body.includes("moderator"), "The answer must not show the reason of the block.");
    demandStatus(await app.send("GET", "/me", cookie(token)), 401, "a block ends the sessions of the user at once");
  },

  "the headers of an error arrive": async (stage) => {
    const app = await stage.open({ bearer: true });
    const answer = await app.send("GET", "/me", bearer("rubbish"));
    demandStatus(answer, 401, "there is no live session");
    demandEqual(
      answer.headers["www-authenticate"],
      'Bearer error="invalid_token"',
      "An answer to an error must have the headers in error.headers, here WWW-Authenticate (RFC 6750, 3).",
    );
  },

  "while Redis does not answer, a request is 503, not 401, and no handler runs": async (stage) => {
    const { token } = await stage.store.create({ userId: "ada" });
    let isDown = true;
    const app = await stage.open(
      { bearer: true },
      {
        touch: async (credential) => {
          if (isDown) throw new StoreUnavailableError("Redis did not answer");
          return stage.store.touch(credential);
        },
      },
    );
    for (const path of ["/", "/me", "/admin", "/app/page"]) {
      const answer = await app.send("GET", path, cookie(token));
      demandStatus(
        answer,
        503,
        "nobody knows whether the session is live. Let load() reject, and answer with the status of its error",
      );
      demandEqual(answer.headers["retry-after"], "1", "An answer to an error must have the headers in error.headers.");
      demandEqual(answer.headers["www-authenticate"], undefined, "Nobody has to log in again because Redis is down.");
      demandEqual(answer.cookies, [], "The cookie must stay: the session may be live.");
    }
    demandEqual(jsonOf(await app.send("GET", "/")), { user: null }, "A request without a token needs no Redis.");
    isDown = false;
    demandStatus(await app.send("GET", "/me", cookie(token)), 200, "Redis is back, and the session is live");
  },

  "a log-out that too few replicas have confirmed is 503, and takes the cookie back": async (stage) => {
    const app = await stage.open(
      {},
      {
        revoke: async (target) => {
          await stage.store.revoke(target);
          throw new NotReplicatedError(0, 1);
        },
      },
    );
    const { token } = await stage.store.create({ userId: "ada" });
    const answer = await app.send("POST", "/logout", cookie(token));
    demandStatus(answer, 503, "the error of end() has this status");
    // It is in the headers of the response and in those of the error, and may come twice.
    const values = new Set(valuesOf(answer));
    demandEqual(
      [...values],
      [""],
      "The session has ended, so its cookie must be taken back, also in the answer to an error.",
    );
    demandStatus(await app.send("GET", "/me", cookie(token)), 401, "the session has ended");
  },

  "an error of the handler's own is 500, and touches no session": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    const answer = await app.send("GET", "/boom", cookie(token));
    demandStatus(answer, 500, "the error is the application's");
    demandEqual(answer.cookies, [], "The session must keep its cookie.");
    demand(!answer.body.includes(token), "The answer shows the token.");
    demandStatus(await app.send("GET", "/me", cookie(token)), 200, "the session is live");
  },
};
