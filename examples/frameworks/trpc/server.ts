/** tRPC 11 with sessions: log-in, log-out, a guarded procedure. Start it with `npm start`; REDIS_URL says where Redis is. */
import { initTRPC, TRPCError } from "@trpc/server";
import { type CreateHTTPContextOptions, createHTTPServer } from "@trpc/server/adapters/standalone";
import { createSessionStore, isSessionError } from "coatcheck";
import { createHttpSessions, nodePort } from "coatcheck/http";
import { Redis } from "ioredis";

const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379");
redis.on("error", (error) => console.error(`redis: ${error.message}`));
const store = createSessionStore(redis);
const http = createHttpSessions(store, { cookie: { secure: process.env.NODE_ENV === "production" } });

/** The session of a request, and the headers that it adds to the answer: tRPC builds its answers itself. */
async function createContext({ req }: CreateHTTPContextOptions) {
  const request = nodePort(req);
  const answer = { headers: new Headers(), isSent: false };
  try {
    const session = await http.load({
      method: request.method,
      url: request.url,
      header: (name) => request.header(name),
      appendHeader: (name, value) => answer.headers.append(name, value),
      writable: () => !answer.isSent,
    });
    return { session, answer };
  } catch (error) {
    throw asTRPCError(error);
  }
}

const CODES = { 401: "UNAUTHORIZED", 403: "FORBIDDEN", 503: "SERVICE_UNAVAILABLE" } as const;

/** tRPC answers 500 for errors that are not its own. */
function asTRPCError(error: unknown): unknown {
  const code = isSessionError(error) ? CODES[error.status as keyof typeof CODES] : undefined;
  if (!isSessionError(error) || code === undefined) return error;
  return new TRPCError({ code, message: error.expose ? error.message : "Try again later", cause: error });
}

const t = initTRPC.context<typeof createContext>().create({
  // Without this, answers to errors have a stack outside of production.
  isDev: false,
});

/** For every procedure: errors of coatcheck get their status. */
const procedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (!result.ok) throw asTRPCError(result.error.cause ?? result.error);
  return result;
});

/** For procedures that need a user: `ctx.user` is the session, and never null. */
const userProcedure = procedure.use(({ ctx, next }) => next({ ctx: { user: ctx.session.require() } }));

const appRouter = t.router({
  logIn: procedure
    .input((input) => ({ name: String((input as { name?: unknown }).name) }))
    .mutation(async ({ ctx, input }) => {
      // Check a password here.
      await ctx.session.start({ userId: input.name });
      return { user: input.name };
    }),
  logOut: procedure.mutation(async ({ ctx }) => ({ ended: await ctx.session.end() })),
  me: userProcedure.query(({ ctx }) => ({ user: ctx.user.userId })),
});

export type AppRouter = typeof appRouter;

const server = createHTTPServer({
  router: appRouter,
  createContext,
  responseMeta({ ctx, errors }) {
    const headers = new Headers(ctx?.answer.headers);
    if (ctx !== undefined) ctx.answer.isSent = true;
    // Retry-After, WWW-Authenticate; or the cookie that an unconfirmed log-out takes back.
    for (const { cause } of errors) {
      if (!isSessionError(cause)) continue;
      for (const [name, value] of Object.entries(cause.headers ?? {})) headers.set(name, value);
    }
    return { headers };
  },
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : address}`);
});
