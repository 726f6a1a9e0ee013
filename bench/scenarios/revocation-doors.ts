/**
 * Doors that a user logs in at, each an Express application with `/login`, `/me`, `/slow` and `/logout`, and the watch that
 * tries a door after the log-out. `/slow` is a request that was under way when the user logged out and changes the session.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionStore } from "coatcheck";
import express, { type Express } from "express";
import type { Contender } from "../scenario.ts";
import { claimsOf } from "../subject.ts";

export interface Door extends Contender {
  /** Whether it needs a server on this machine, to stand in the way of its bytes. */
  readonly breaksTheWay?: true;
  open(place: DoorPlace): Promise<OpenDoor>;
}

export interface DoorPlace {
  readonly url: string;
  readonly prefix: string;
  readonly watchSeconds: number;
}

export interface OpenDoor {
  readonly base: string;
  /** Another process of the same application, which gets the slow request and the log-out; the same one by default. */
  readonly elsewhere?: string;
  /** Runs before the log-out, and may ask at the door. */
  beforeLogOut?(isOpen: () => Promise<boolean>): Promise<void>;
  /** Resolves when a slow request has its session and waits. */
  readonly slowBegan: Promise<void>;
  /** Lets the slow request go on. */
  releaseSlow(): void;
  close(): void;
}

export interface Outcome {
  /** When the door opened last, seconds after the answer to the log-out; 0 where it did not open any more. */
  readonly seconds: number;
  /** Whether it still opened when the watch ended. */
  readonly atEnd: boolean;
}

const INTERVAL = 20;
const USER_ID = "user42";
const CLAIMS = claimsOf(USER_ID);
const SECRET = "a secret of at least thirty-two characters";

/** Logs a user in and out at a door, and tries it for so many ms after. */
export async function watch(door: OpenDoor, milliseconds: number, signal: AbortSignal): Promise<Outcome> {
  const login = await fetch(`${door.base}/login`, { method: "POST", signal });
  const { authorization } = (await login.json()) as { authorization?: string };
  const cookie = login.headers.getSetCookie().map((line) => line.split(";")[0] as string);
  const headers: Record<string, string> = authorization ? { authorization } : { cookie: cookie.join("; ") };
  // Each with a signal of its own: a fetch takes its listener off a shared one only when it is collected as garbage.
  const isOpen = async () => {
    const { status } = await fetch(`${door.base}/me`, { headers, signal: AbortSignal.timeout(10_000) });
    if (status !== 200 && status !== 401) throw new Error(`the door answered with ${status}`);
    return status === 200;
  };
  if (!(await isOpen())) throw new Error("the door did not open after the log-in");

  await door.beforeLogOut?.(isOpen);
  const elsewhere = door.elsewhere ?? door.base;
  const slow = fetch(`${elsewhere}/slow`, { method: "POST", headers, signal });
  await Promise.race([door.slowBegan, slow]);
  const logout = await fetch(`${elsewhere}/logout`, { method: "POST", headers, signal });
  if (!logout.ok) throw new Error(`the log-out was answered with ${logout.status}`);
  const loggedOut = performance.now();
  door.releaseSlow();
  await slow;

  let last = 0;
  let atEnd = false;
  for (let now = loggedOut; now - loggedOut < milliseconds; now = performance.now()) {
    atEnd = await isOpen();
    if (atEnd) last = performance.now() - loggedOut;
    await sleep(INTERVAL, undefined, { signal });
  }
  return { seconds: last / 1000, atEnd };
}

/** An application that is under way, and the gate that its slow request waits at. */
function newGate() {
  let begin = () => {};
  let release = () => {};
  const slowBegan = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = async () => {
    begin();
    await released;
  };
  return { slowBegan, releaseSlow: () => release(), wait };
}

async function listen(app: Express, gate: ReturnType<typeof newGate>, close: () => void): Promise<OpenDoor> {
  // Otherwise Express prints every 401 that is passed to it as an error.
  app.set("env", "test");
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    slowBegan: gate.slowBegan,
    releaseSlow: gate.releaseSlow,
    close() {
      server.close();
      server.closeAllConnections();
      close();
    },
  };
}

/** A door with a JWT. `isDenied` and `deny` make it one with a deny-list. */
async function openJwtDoor(
  lifetime: number,
  list: { isDenied(id: string): Promise<boolean>; deny(id: string): Promise<void>; close(): void },
): Promise<OpenDoor> {
  const { errors, jwtVerify, SignJWT } = await import("jose");
  const key = new TextEncoder().encode(SECRET);
  const gate = newGate();
  const app = express();
  const verify = async (authorization = "") => {
    try {
      const { payload } = await jwtVerify(authorization.slice("Bearer ".length), key, { algorithms: ["HS256"] });
      return (await list.isDenied(payload.jti as string)) ? null : payload;
    } catch (error) {
      // What else goes wrong, such as a list that does not answer, must not look like a closed door.
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  };
  const guarded = (answer: (id: string) => Promise<unknown>): express.RequestHandler =>
    async function guard(req, res) {
      const payload = await verify(req.headers.authorization);
      if (payload === null) res.sendStatus(401);
      else res.json(await answer(payload.jti as string));
    };
  app.post("/login", async (_req, res) => {
    const token = new SignJWT({ ...CLAIMS }).setProtectedHeader({ alg: "HS256" }).setSubject(USER_ID);
    const jwt = await token.setJti(randomUUID()).setExpirationTime(`${lifetime}s`).sign(key);
    res.json({ authorization: `Bearer ${jwt}` });
  });
  app.get(
    "/me",
    guarded(async () => CLAIMS),
  );
  app.post(
    "/slow",
    guarded(async () => gate.wait()),
  );
  app.post(
    "/logout",
    guarded((id) => list.deny(id)),
  );
  return listen(app, gate, () => list.close());
}

const jwt: Door = {
  name: "stateless JWT",
  does: "jose HS256; the log-out has the client forget the token, as there is nothing else that it could do",
  // It ends before the watch does, so that its end is seen; a JWT knows whole seconds only.
  open: ({ watchSeconds }) =>
    openJwtDoor(Math.max(2, watchSeconds - 1), {
      isDenied: async () => false,
      deny: async () => {},
      close: () => {},
    }),
};

const denyList: Door = {
  name: "JWT + deny-list",
  does: "jose HS256; the log-out puts the token's id on a list in Redis that every request asks",
  async open({ url, prefix, watchSeconds }) {
    const { Redis } = await import("ioredis");
    const redis = new Redis(url);
    return openJwtDoor(watchSeconds * 2, {
      isDenied: async (id) => (await redis.exists(`${prefix}${id}`)) === 1,
      deny: async (id) => void (await redis.set(`${prefix}${id}`, 1, "EX", watchSeconds * 2)),
      close: () => redis.disconnect(),
    });
  },
};

const expressSession: Door = {
  name: "express-session + connect-redis",
  does: "the log-out destroys the session; the slow request then saves the copy that it had loaded before",
  async open({ url, prefix }) {
    const { default: session } = await import("express-session");
    const { RedisStore } = await import("connect-redis");
    const { createClient } = await import("redis");
    const client = await createClient({ url }).connect();
    const store = new RedisStore({ client, prefix, ttl: 3600 });
    const gate = newGate();
    const app = express();
    app.use(session({ store, secret: SECRET, resave: false, saveUninitialized: false }));
    interface Data {
      user?: object;
      views?: number;
    }
    app.post("/login", (req, res) => {
      Object.assign(req.session, { user: CLAIMS });
      res.json({});
    });
    app.get("/me", (req, res) => void res.sendStatus((req.session as Data).user ? 200 : 401));
    app.post("/slow", async (req, res) => {
      await gate.wait();
      Object.assign(req.session, { views: 1 });
      res.json({});
    });
    app.post("/logout", (req, res, next) => {
      const { session } = req as unknown as { session: { destroy(done: (error?: Error) => void): void } };
      session.destroy((error) => (error ? next(error) : res.json({})));
    });
    return listen(app, gate, () => void client.destroy());
  },
};

const coatcheck: Door = {
  name: "coatcheck",
  does: "the log-out revokes the session; the slow request then updates a claim, which finds no session and does nothing",
  ours: true,
  async open({ url, prefix }) {
    const { createSessionStore } = await import("coatcheck");
    const { Redis } = await import("ioredis");
    const redis = new Redis(url);
    return openOurDoor(createSessionStore(redis, { prefix }), () => redis.disconnect());
  },
};

/** A door on a store of ours. */
export async function openOurDoor(store: SessionStore, close: () => void): Promise<OpenDoor> {
  const { requireSession, sessions } = await import("coatcheck/express");
  const gate = newGate();
  const app = express();
  app.use(sessions(store as never, { cookie: { secure: false } }));
  app.post("/login", async (req, res) => {
    await req.session.start({ userId: USER_ID, claims: CLAIMS as never });
    res.json({});
  });
  app.get("/me", requireSession(), (_req, res) => void res.json({}));
  app.post("/slow", requireSession(), async (req, res) => {
    await gate.wait();
    await req.session.updateClaims({ views: 1 } as never);
    res.json({});
  });
  app.post("/logout", async (req, res) => void res.json(await req.session.end()));
  return listen(app, gate, close);
}

export const DOORS: readonly Door[] = [jwt, denyList, expressSession, coatcheck];
