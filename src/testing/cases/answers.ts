/** Answers of every form carry what the session adds to them. */
import type { Cases } from "../adapter-contract.js";
import { demand, demandEqual, demandNoStore, demandStatus, jsonOf, listIn } from "../demands.js";
import type { Answer } from "../exchange.js";
import { cookie, valuesOf } from "../stage.js";

/** Fails unless the answer logs a browser in. Gives the token. */
function demandLogIn(answer: Answer): string {
  const [token = "", ...more] = valuesOf(answer);
  demand(
    token !== "" && more.length === 0,
    `${answer.request} must set the session cookie once: an answer of this form loses it.`,
  );
  demandNoStore(answer);
  return token;
}

export const answerCases: Cases = {
  "a redirect carries the cookie": async (stage) => {
    const app = await stage.open();
    const answer = await app.send("POST", "/login/redirect?user=ada");
    demandStatus(answer, 303, "the route redirects");
    demandEqual(answer.headers.location, "/me", "The redirect must lead to /me.");
    demandStatus(await app.send("GET", "/me", cookie(demandLogIn(answer))), 200, "the session is live");
  },

  "a stream carries the cookie, and arrives whole": async (stage) => {
    const app = await stage.open();
    const answer = await app.send("POST", "/login/stream?user=ada");
    demandStatus(answer, 200, "the route streams");
    demandEqual(answer.body, "onetwo", "The body must arrive whole.");
    demandStatus(await app.send("GET", "/me", cookie(demandLogIn(answer))), 200, "the session is live");
  },

  "what depends on the session tells caches so": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    for (const [path, headers] of [
      ["/", cookie(token)],
      ["/me", cookie(token)],
      ["/", {}],
    ] as const) {
      const answer = await app.send("GET", path, headers);
      demandStatus(answer, 200, "the route is open, or the session is live");
      const complaint = `${answer.request} depends on the cookie, so Vary must name it. Keep every header of appendHeader.`;
      demand(listIn(answer, "vary").includes("cookie"), complaint);
    }
    demandNoStore(await app.send("GET", "/", cookie(token)));
    demandNoStore(await app.send("GET", "/me", cookie(token)));
  },

  "what does not look at the session tells caches nothing": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    const answer = await app.send("GET", "/public", cookie(token));
    demandStatus(answer, 200, "the route is open");
    const said = [listIn(answer, "vary").includes("cookie"), listIn(answer, "cache-control").includes("no-store")];
    demandEqual(
      said,
      [false, false],
      "An adapter must not read session.current by itself, or /public could not be cached.",
    );
  },

  "HEAD is answered as GET is, without a body": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    const answer = await app.send("HEAD", "/me", cookie(token));
    demandStatus(answer, 200, "the session is live");
    demandEqual(answer.body, "", "An answer to HEAD has no body.");
    demandNoStore(answer);
    demandStatus(await app.send("HEAD", "/me"), 401, "the guard holds for HEAD too");
  },

  "once the headers are sent, a log-in is refused and nothing is changed": async (stage) => {
    const app = await stage.open();
    const answer = await app.send("POST", "/login/late?user=late");
    demandStatus(answer, 200, "the head was sent before the log-in");
    demandEqual(
      answer.body,
      "TypeError",
      "start() must throw a TypeError once the headers are sent: writable() must return false then.",
    );
    demandEqual(valuesOf(answer), [], "No cookie can have been sent.");
    demandEqual(await stage.store.listForUser("late"), [], "A session was made whose token nobody has.");
    demandEqual(jsonOf(await app.send("GET", "/")), { user: null }, "The server must go on.");
  },
};
