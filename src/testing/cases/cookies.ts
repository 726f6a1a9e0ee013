/** The session cookie: sent, beside others, and read again. */
import { createHttpSessions } from "../../http/http-sessions.js";
import type { Cases } from "../adapter-contract.js";
import { demand, demandEqual, demandNoStore, demandStatus, jsonOf } from "../demands.js";
import { COOKIE, cookie, tokenOf, valuesOf } from "../stage.js";

export const cookieCases: Cases = {
  "a log-in sets the session cookie, and the next request has the session": async (stage) => {
    const app = await stage.open();
    const answer = await app.send("POST", "/login?user=ada");
    demandStatus(answer, 200, "a log-in must succeed");
    const token = tokenOf(answer);
    const [line = ""] = answer.cookies.filter((each) => each.startsWith(`${COOKIE}=`));
    const expected = `${COOKIE}=${token}; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax`;
    demandEqual(line, expected, "The log-in must send the Set-Cookie of appendHeader, unchanged.");
    demandNoStore(answer);

    const me = await app.send("GET", "/me", cookie(token));
    demandStatus(me, 200, "the guard must let a live session through");
    demandEqual(jsonOf(me), { user: "ada" }, "The route must see the session of the request.");
  },

  "the session cookie stands beside a cookie of the handler's own": async (stage) => {
    const app = await stage.open();
    const answer = await app.send("POST", "/login?user=ada");
    const names = answer.cookies.map((line) => line.split("=", 1)[0]).sort();
    demandEqual(
      names,
      [COOKIE, "theme"],
      "One Set-Cookie has overwritten the other, or two were joined: appendHeader must add a header beside those that are there.",
    );
  },

  "a log-out ends the session and takes the cookie back": async (stage) => {
    const app = await stage.open();
    const token = await app.logIn("ada");
    const answer = await app.send("POST", "/logout", cookie(token));
    demandStatus(answer, 200, "a log-out must succeed");
    demandEqual(jsonOf(answer), { ended: true }, "The log-out must end the session of the request.");
    demandEqual(valuesOf(answer), [""], "The log-out must take the cookie back.");
    demandEqual(await stage.store.get(token), null, "The session must have ended in Redis.");
    demandStatus(await app.send("GET", "/me", cookie(token)), 401, "the session has ended");
  },

  "all cookies that coatcheck sets in one response arrive": async (stage) => {
    const options = { cookie: { name: "sid", secure: false } };
    const app = await stage.open(options);
    const two = async () => {
      const tokens = [
        (await stage.store.create({ userId: "ada" })).token,
        (await stage.store.create({ userId: "eve" })).token,
      ];
      return tokens.map((token) => `sid=${token}`).join("; ");
    };
    // Two live sessions in one request: the log-out ends both, and takes the cookie back from each place it may be in.
    const expected: string[] = [];
    const header = { host: new URL(app.url).host, cookie: await two() };
    const port = {
      method: "POST",
      url: "/logout",
      header: (name: string) => new Map(Object.entries(header)).get(name),
      appendHeader: (name: string, value: string) => {
        if (name === "Set-Cookie") expected.push(value);
      },
    };
    await (await createHttpSessions(stage.store, options).load(port)).end();
    demand(expected.length > 1, "This case needs a log-out with several cookies.");

    const answer = await app.send("POST", "/logout", { Cookie: await two() });
    demandStatus(answer, 200, "a log-out with two sessions must succeed");
    demandEqual(
      answer.cookies,
      expected,
      "Each Set-Cookie of appendHeader must arrive, and the port must give url and the header host as the client sent them.",
    );
  },

  "the credential arrives as it was sent": async (stage) => {
    const asked: unknown[] = [];
    const app = await stage.open(
      {},
      {
        touch: (token) => {
          asked.push(token);
          return stage.store.touch(token);
        },
      },
    );
    const { token } = await stage.store.create({ userId: "ada" });
    await app.send("GET", "/", cookie(token));
    demandEqual(
      asked,
      [token],
      "The store must be asked once, for exactly the token in the cookie: header(name) must not change a value, not its case and not its spaces.",
    );
  },

  "the cookie is found among others, and if it comes in a second Cookie header": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    for (const header of [
      `theme="dark"; ${COOKIE}=${token}; lang=de`,
      ["theme=dark", `${COOKIE}=${token}`],
      [`${COOKIE}=${token}`, "theme=dark"],
    ]) {
      const answer = await app.send("GET", "/", { Cookie: header });
      const sent = JSON.stringify(header).replaceAll(token, "…");
      demandEqual(jsonOf(answer), { user: "ada" }, `The session must be found with the Cookie ${sent}.`);
    }
  },

  "a request that only uses a session sets no cookie": async (stage) => {
    const app = await stage.open();
    const { token } = await stage.store.create({ userId: "ada" });
    for (const path of ["/", "/me", "/public"]) {
      const answer = await app.send("GET", path, cookie(token));
      demandStatus(answer, 200, "the session is live");
      demandEqual(answer.cookies, [], `GET ${path} must set no cookie: only start, rotate and end do.`);
    }
  },

  "the options reach coatcheck, and wrong ones are refused at the start": async (stage) => {
    const app = await stage.open({ cookie: { name: "sid", secure: false, sameSite: "strict" } });
    const answer = await app.send("POST", "/login?user=ada");
    demandStatus(answer, 200, "a log-in must succeed");
    const { token } = jsonOf(answer);
    const lines = answer.cookies.filter((line) => line.startsWith("sid="));
    const expected = [`sid=${token}; Max-Age=600; Path=/; HttpOnly; SameSite=Strict`];
    demandEqual(lines, expected, "The adapter must pass its options on to createHttpSessions.");
    demandStatus(await app.send("GET", "/me", cookie(String(token), "sid")), 200, "the session is live");

    const wrong = { cookies: {} } as object;
    const refused = await stage.open(wrong).then(
      () => "no error",
      (error: unknown) => (error instanceof Error ? error.name : "something else"),
    );
    demandEqual(
      refused,
      "TypeError",
      "An option that does not exist must make the start fail, and not the first request.",
    );
  },
};
