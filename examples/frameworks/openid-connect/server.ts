/** An application whose users log in at an OpenID provider, and are logged out when the provider logs them out. */
import { createSessionStore, isSessionError } from "coatcheck";
import { requireSession, sessions } from "coatcheck/express";
import express, { type ErrorRequestHandler } from "express";
import { Redis, type RedisOptions } from "ioredis";
import * as openid from "openid-client";
import { createBackChannel, LogoutTokenError, type ProviderSession } from "./back-channel.js";

declare global {
  namespace Coatcheck {
    interface Claims {
      /** What a log-in under way has to find again. */
      pending?: { state: string; nonce: string; verifier: string };
      /** The session at the provider that this one has begun with. */
      sid?: string;
    }
  }
}

const {
  REDIS_URL = "redis://127.0.0.1:6379",
  ISSUER = "http://localhost:4000",
  CLIENT_ID = "app",
  CLIENT_SECRET = "a secret of the application and the provider",
  PORT = "3000",
  APP_URL = `http://localhost:${PORT}`,
} = process.env;

const connect = (options: RedisOptions = {}) =>
  new Redis(REDIS_URL, { socketTimeout: 5000, ...options }).on("error", (error) =>
    console.error(`redis: ${error.message}`),
  );
const store = createSessionStore<Coatcheck.Claims>(connect());

// Plain HTTP is for a provider on this machine.
const isLocal = new URL(ISSUER).protocol === "http:";
const provider = await openid.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
  execute: isLocal ? [openid.allowInsecureRequests] : [],
});
const { issuer, jwks_uri: jwksUri = "" } = provider.serverMetadata();
// The store has a deadline for each call of its own. What the back channel keeps beside the sessions has this one.
const redis = connect({ commandTimeout: 1000 });
const backChannel = createBackChannel({ redis, store, issuer, jwksUri, clientId: CLIENT_ID });

const app = express();
app.use(sessions(store, { cookie: { secure: new URL(APP_URL).protocol === "https:" } }));

app.get("/log-in", async (req, res) => {
  if (req.session.current?.userId) return res.redirect(303, "/me");
  const pending = {
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    verifier: openid.randomPKCECodeVerifier(),
  };
  // A guest's session, for the time that a log-in may take.
  await req.session.start({ claims: { pending }, idleTimeout: 600_000, absoluteTimeout: 600_000 });
  const address = openid.buildAuthorizationUrl(provider, {
    redirect_uri: `${APP_URL}/callback`,
    scope: "openid",
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: "S256",
    // So that the ID token says when the user has authenticated.
    max_age: "43200",
  });
  res.redirect(303, address.href);
});

app.get("/callback", async (req, res) => {
  const { pending } = req.session.current?.claims ?? {};
  if (pending === undefined) return res.redirect(303, "/log-in");
  const tokens = await openid.authorizationCodeGrant(provider, new URL(req.originalUrl, APP_URL), {
    expectedState: pending.state,
    expectedNonce: pending.nonce,
    pkceCodeVerifier: pending.verifier,
    idTokenExpected: true,
    maxAge: 43_200,
  });
  const { sub, sid, auth_time = 0 } = tokens.claims() as openid.IDToken & { sid: string };
  const login: ProviderSession = { sub, sid, auth_time };
  await backChannel.remember(login);
  await req.session.start({ userId: sub, claims: { sid, pending: undefined } });
  if (await backChannel.hasEnded(login)) {
    await req.session.end();
    return res.status(401).send("You were logged out meanwhile: log in again");
  }
  res.redirect(303, "/me");
});

app.get("/me", requireSession(), (req, res) => {
  res.json({ user: req.session.current?.userId });
});

// Ends the session here, and then the one at the provider, which asks the user first.
app.post("/log-out", async (req, res) => {
  await req.session.end();
  res.redirect(303, openid.buildEndSessionUrl(provider, { client_id: CLIENT_ID }).href);
});

// The provider itself calls this: there is no browser, and no cookie.
app.post("/back-channel-log-out", express.urlencoded({ extended: false }), async (req, res) => {
  res.set("Cache-Control", "no-store");
  await backChannel.logOut(String(req.body?.logout_token));
  res.sendStatus(200);
});

/** What the provider answers, or what came to the callback, is no log-in. */
const REFUSALS = [openid.ClientError, openid.ResponseBodyError, openid.AuthorizationResponseError];

const answerError: ErrorRequestHandler = (error, _req, res, next) => {
  if (error instanceof LogoutTokenError) {
    res.status(400).json({ error: "invalid_request", error_description: error.message });
  } else if (REFUSALS.some((Refusal) => error instanceof Refusal)) {
    // Anybody can send rubbish to the callback: one line, and no stack.
    console.error(`log-in: ${error.message}`);
    res.status(401).send("This log-in has failed");
  } else if (isSessionError(error) && error.status !== undefined) {
    next(error);
  } else {
    console.error(error);
    res.sendStatus(500);
  }
};
app.use(answerError);

app.listen(Number(PORT), "127.0.0.1", () => console.log(APP_URL));
