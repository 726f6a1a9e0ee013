/** What the adapter must tell of a request: its method, its whole address, and each header. */
import type { Cases } from "../adapter-contract.js";
import { demand, demandEqual, demandNoStore, demandStatus, jsonOf } from "../demands.js";
import { bearer, cookie, valuesOf } from "../stage.js";

export const requestCases: Cases = {
  "a change that another site asks for is 403, and changes nothing": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    for (const headers of [
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site", Origin: "https://other.example" },
      { Origin: "https://other.example" },
    ]) {
      const answer = await app.send("POST", "/logout", { ...cookie(token), ...headers });
      const why = `another site has sent it (${JSON.stringify(headers)}). The port must give the method and these headers`;
      demandStatus(answer, 403, why);
      demandEqual(answer.cookies, [], "The refused request must take no cookie back.");
    }
    demandStatus(await app.send("GET", "/me", cookie(token)), 200, "the session must be live still");
    for (const headers of [{ "Sec-Fetch-Site": "same-origin" }, { Origin: app.url.replace(/\/$/, "") }, {}]) {
      const session = await stage.store.create({ userId: "ada" });
      const answer = await app.send("POST", "/logout", { ...cookie(session.token), ...headers });
      demandStatus(
        answer,
        200,
        `the own site has sent it (${JSON.stringify(headers)}). The port must give the header host`,
      );
    }
  },

  "a WebSocket that another site opens is 403": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    const answer = await app.send("GET", "/", {
      ...cookie(token),
      Upgrade: "websocket",
      Origin: "https://other.example",
    });
    demandStatus(answer, 403, "it is judged by its origin. The port must give the header upgrade");
  },

  "bearer tokens are accepted if they are on, and stay bearer tokens": async (stage) => {
    const app = await stage.open({ bearer: true });
    const answer = await app.send("POST", "/login?user=ada&transport=bearer");
    demandStatus(answer, 200, "a log-in must succeed");
    demandEqual(valuesOf(answer), [], "A log-in for a bearer token must set no session cookie.");
    demandNoStore(answer);
    const { token } = jsonOf(answer);
    const me = await app.send("GET", "/me", bearer(String(token)));
    demandStatus(me, 200, "the token is live. The port must give the header authorization");
    demandEqual(jsonOf(me), { user: "ada" }, "The route must see the session of the token.");
    const ended = await app.send("POST", "/logout", bearer(String(token)));
    demandEqual(jsonOf(ended), { ended: true }, "The log-out must end the session of the token.");
    demandStatus(await app.send("GET", "/me", bearer(String(token))), 401, "the session has ended");

    const off = await stage.open();
    const { token: live } = await stage.store.create({ userId: "ada" });
    demandStatus(await off.send("GET", "/me", bearer(live)), 401, "bearer tokens are off");
  },

  "the guard of a page sends a browser to the log-in page, with the whole address": async (stage) => {
    const app = await stage.open();
    const page = { "Sec-Fetch-Mode": "navigate", Accept: "text/html" };
    const answer = await app.send("GET", "/app/page?tab=2", page);
    demandStatus(answer, 303, "a browser opens a page without a session");
    demandEqual(
      answer.headers.location,
      "/sign-in?returnTo=%2Fapp%2Fpage%3Ftab%3D2",
      "The address to come back to must be what the client asked for: url must be that before any router has cut it, with its query.",
    );
    demandStatus(await app.send("GET", "/app/page"), 401, "a script is no browser that opens a page");
    const { token } = await stage.store.create({ userId: "ada" });
    demandStatus(await app.send("GET", "/app/page", { ...page, ...cookie(token) }), 200, "the session is live");
  },

  "a session remembers the browser that logged in": async (stage) => {
    const app = await stage.open();
    await app.logIn("ada", { "User-Agent": "Contract/1.0" });
    const clients = (await stage.store.listForUser("ada")).map(({ client }) => client);
    demandEqual(clients, [{ userAgent: "Contract/1.0" }], "The port must give the header user-agent.");
  },

  "one request is one lookup, and one log-in is one session": async (stage) => {
    const calls: string[] = [];
    const app = await stage.open(
      {},
      {
        touch: (token) => {
          calls.push("touch");
          return stage.store.touch(token);
        },
        get: (token) => {
          calls.push("get");
          return stage.store.get(token);
        },
        create: (options) => {
          calls.push("create");
          return stage.store.create(options);
        },
      },
    );
    const token = await app.logIn("ada");
    demandEqual(
      calls.splice(0),
      ["create"],
      "The handler of the log-in must run once: does the adapter go on to it twice?",
    );
    await app.send("GET", "/me", cookie(token));
    demandEqual(
      calls.splice(0),
      ["touch"],
      "A request must be one lookup: is the session loaded twice, or kept from before?",
    );
    await app.send("GET", "/", {});
    demandEqual(calls, [], "A request without a token must be no lookup.");
    demand((await stage.store.listForUser("ada")).length === 1, "The log-in must make one session.");
  },
};
