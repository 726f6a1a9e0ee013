/** The user whom every server lets in, and the ways in: a session of ours, a JWT, a store of sessions. It knows no framework. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Contender } from "../../scenario.ts";
import { claimsOf } from "../../subject.ts";

export const FRAMEWORKS = ["Express", "Fastify", "Koa", "Hono", "Request and Response"] as const;

export interface HttpPlace {
  readonly url: string;
  readonly prefix: string;
}

export interface HttpContender extends Contender {
  readonly framework: (typeof FRAMEWORKS)[number];
  /** Runs in a process of its own. Gives the port, and the headers of a user who has logged in. */
  serve(place: HttpPlace): Promise<{ port: number; headers: Record<string, string> }>;
}

const USER_ID = "user42";
export const CLAIMS = claimsOf(USER_ID);
export const USER = { userId: USER_ID, ...CLAIMS };
const STATELESS = "revocation: who has logged out goes on until the token expires";
export const REVIVES =
  "a request in flight can bring a destroyed session back; no list of a user's sessions, no absolute deadline";
export const SECRET = "a secret of at least thirty-two characters";

/** What is said of the contenders that each framework has. */
export const NOBODY = { does: "the handler alone", givesUp: "everything" };
export const JWT = { does: "jwtVerify of a bearer token", givesUp: STATELESS };

/** What each framework has of ours: with every lookup in Redis, and with the near cache. */
export const OURS = [
  { name: "coatcheck", near: false, facts: { ours: true } },
  {
    name: "coatcheck, near",
    near: true,
    facts: {
      ours: true,
      givesUp: "the immediacy of a revocation elsewhere: it takes milliseconds, and one lease (1 s) at most",
    },
  },
] as const;

/** Our store, with the user logged in. */
export async function openStore({ url, prefix }: HttpPlace, near: boolean) {
  const { createSessionStore } = await import("coatcheck");
  const { Redis } = await import("ioredis");
  const store = createSessionStore<typeof CLAIMS>(new Redis(url), { prefix, near });
  const { token } = await store.create({ userId: USER_ID, claims: CLAIMS });
  return { store, headers: { cookie: `__Host-session=${token}` } };
}

/** Signs the user's JWT, and verifies the one in a header. */
export async function openJwt() {
  const { generateSecret, jwtVerify, SignJWT } = await import("jose");
  // As bytes it would be imported anew for every request.
  const key = await generateSecret("HS256");
  const jwt = await new SignJWT({ ...CLAIMS })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(USER_ID)
    .setExpirationTime("1h")
    .sign(key);
  const verify = async (authorization = "") => {
    const { payload } = await jwtVerify(authorization.slice("Bearer ".length), key, { algorithms: ["HS256"] });
    const { sub, user_name, email, role } = payload;
    return { userId: sub, user_name, email, role };
  };
  return { verify, headers: { authorization: `Bearer ${jwt}` } };
}

export async function openNodeRedis({ url }: HttpPlace) {
  const { createClient } = await import("redis");
  return createClient({ url }).connect();
}

export async function openConnectRedis(place: HttpPlace) {
  const { RedisStore } = await import("connect-redis");
  return new RedisStore({ client: await openNodeRedis(place), prefix: place.prefix, ttl: 3600 });
}

/** The port of a server that has been told to listen. */
export async function listening(server: Server): Promise<number> {
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Logs in over HTTP. Gives the cookies that came back. */
export async function cookiesFrom(port: number): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}/login`, { method: "POST" });
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
  return { cookie: cookies.join("; ") };
}
