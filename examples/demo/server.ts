/**
 * What coatcheck does, over plain node:http: log in on two devices, list them, change a claim, revoke one, block a user.
 *
 * Without REDIS_URL it keeps everything in ioredis-mock, inside this process: good for a look, gone when it stops.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSessionStore, isSessionError, type Session, SessionError } from "coatcheck";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";

interface Claims {
  role: "member" | "admin";
}

const { REDIS_URL, PORT = "3000" } = process.env;
const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
redis.on("error", (error: Error) => console.error(`redis: ${error.message}`));

const store = createSessionStore<Claims>(redis);
store.events.on("revoked", ({ id, userId, reason }) => console.log(`session ${id} of ${userId} ended: ${reason}`));
store.events.on("rejected", ({ id, reason }) =>
  console.log(`a token was refused: ${reason}${id ? ` (session ${id})` : ""}`),
);

/** A route answers with a status and a JSON body; whoever needs a session gets one here. */
type Route = (request: IncomingMessage, input: Record<string, string>) => Promise<[status: number, body: unknown]>;

const routes: Record<string, Route> = {
  "POST /login": async (request, { user }) => {
    if (!user) return [400, { error: 'send {"user": "…"}' }];
    // A real application checks a password first.
    const { token, session } = await store.create({
      userId: user,
      claims: { role: "member" },
      client: { ip: request.socket.remoteAddress, userAgent: request.headers["user-agent"] },
    });
    return [200, { token, session: session.id }];
  },
  "GET /me": async (request) => [200, await authenticate(request)],
  "GET /devices": async (request) => {
    const { id, userId } = await authenticate(request);
    const devices = await store.listForUser(userId as string);
    return [
      200,
      devices.map((device) => ({ id: device.id, this: device.id === id, userAgent: device.client.userAgent })),
    ];
  },
  "POST /role": async (request, { role }) => {
    const { userId } = await authenticate(request);
    if (role !== "member" && role !== "admin") return [400, { error: 'send {"role": "member"} or {"role": "admin"}' }];
    return [200, { changed: await store.updateClaimsForUser(userId as string, { role }) }];
  },
  "POST /revoke": async (request, { id }) => {
    const { userId } = await authenticate(request);
    // An id is public: only its owner may end the session that it names.
    const owned = (await store.find(id))?.userId === userId;
    return [200, { revoked: owned && (await store.revoke(id)) }];
  },
  "POST /logout": async (request) => [200, { revoked: await store.revoke(tokenOf(request)) }],
  // In a real application these two are for moderators only.
  "POST /block": async (_request, { user }) => {
    if (!user) return [400, { error: 'send {"user": "…"}' }];
    return [200, { ended: await store.blockUser(user) }];
  },
  "POST /unblock": async (_request, { user }) => {
    if (!user) return [400, { error: 'send {"user": "…"}' }];
    return [200, { unblocked: await store.unblockUser(user) }];
  },
  "GET /": async () => [200, { routes: Object.keys(routes) }],
};

function tokenOf(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

async function authenticate(request: IncomingMessage): Promise<Session<Claims>> {
  const session = await store.touch(tokenOf(request));
  if (session === null) throw new SessionError("UNAUTHENTICATED", "Log in first", { status: 401 });
  return session;
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const route = routes[`${request.method} ${pathname}`];
    const [status, body] = route ? await route(request, await readJson(request)) : [404, { error: "no such route" }];
    reply(response, status, body);
  } catch (error) {
    if (error instanceof SyntaxError) return reply(response, 400, { error: "the body is not JSON" });
    if (isSessionError(error) && error.status) return reply(response, error.status, { error: error.message });
    console.error(error);
    reply(response, 500, { error: "something went wrong" });
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, string>> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk;
    if (text.length > 10_000) throw new SessionError("TOO_LARGE", "The body is too large", { status: 413 });
  }
  return text === "" ? {} : (JSON.parse(text) as Record<string, string>);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}

const server = createServer(handle).listen(Number(PORT), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : PORT;
  console.log(
    `coatcheck demo on http://127.0.0.1:${port}, sessions in ${REDIS_URL === undefined ? "ioredis-mock" : "Redis"}`,
  );
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    redis.disconnect();
  });
}
