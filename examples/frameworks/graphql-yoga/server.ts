/** GraphQL Yoga 5 with sessions: log-in, log-out, a guarded field. Start it with `npm start`; REDIS_URL says where Redis is. */
import { createServer } from "node:http";
import { createSessionStore, isSessionError } from "coatcheck";
import { createHttpSessions, type RequestSession } from "coatcheck/http";
import { GraphQLError, type GraphQLErrorExtensions } from "graphql";
import { createSchema, createYoga, maskError, type Plugin } from "graphql-yoga";
import { Redis } from "ioredis";

const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379");
redis.on("error", (error) => console.error(`redis: ${error.message}`));
const store = createSessionStore(redis);
const http = createHttpSessions(store, { cookie: { secure: process.env.NODE_ENV === "production" } });

/** One request: its session, and the headers that it adds to the response. */
interface Visit {
  session?: RequestSession;
  readonly added: [name: string, value: string][];
  isAnswered: boolean;
}
const visits = new WeakMap<Request, Visit>();

/** Loads the session of each request, and adds to the response what it has to say. */
const sessions: Plugin = {
  async onRequest({ request, url, fetchAPI, endResponse }) {
    const visit: Visit = { added: [], isAnswered: false };
    visits.set(request, visit);
    try {
      visit.session = await http.load({
        method: request.method,
        url: url.pathname + url.search,
        header: (name) => request.headers.get(name),
        appendHeader: (name, value) => visit.added.push([name, value]),
        writable: () => !visit.isAnswered,
      });
    } catch (error) {
      if (!isSessionError(error) || error.status === undefined) throw error;
      const { status, headers = {}, code, expose, message } = error;
      const body = { errors: [{ message: expose ? message : "Try again later", extensions: { code } }] };
      endResponse(fetchAPI.Response.json(body, { status, headers }));
    }
  },
  onResponse({ request, response }) {
    const visit = visits.get(request);
    if (visit === undefined) return;
    visit.isAnswered = true;
    for (const [name, value] of visit.added) response.headers.append(name, value);
  },
};

/** The status and the headers of an error of coatcheck, as Yoga reads them; `null` for other errors. */
function extensionsOf(error: unknown): GraphQLErrorExtensions | null {
  if (!isSessionError(error) || error.status === undefined) return null;
  const { status, headers = {}, code } = error;
  // A cookie that is taken back is among the headers of the session already.
  const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "Set-Cookie"));
  return { code, http: { status, headers: rest } };
}

const schema = createSchema<{ session: RequestSession }>({
  typeDefs: /* GraphQL */ `
    type Query {
      "Who is logged in; null for nobody."
      visitor: String
      "Needs a log-in."
      me: String
    }
    type Mutation {
      logIn(name: String!): String!
      logOut: Boolean!
    }
  `,
  resolvers: {
    Query: {
      visitor: (_parent, _args, { session }) => session.current?.userId,
      me: (_parent, _args, { session }) => session.require().userId,
    },
    Mutation: {
      logIn: async (_parent, { name }: { name: string }, { session }) => {
        // Check a password here.
        await session.start({ userId: name });
        return name;
      },
      logOut: (_parent, _args, { session }) => session.end(),
    },
  },
});

const yoga = createYoga({
  schema,
  plugins: [sessions],
  context: ({ request }) => ({ session: visits.get(request)?.session as RequestSession }),
  maskedErrors: {
    // Yoga hides errors that are not GraphQL's, prints them, and answers them with 200.
    maskError(error, message, isDev) {
      const { originalError, extensions } = error as GraphQLError;
      const known = extensionsOf(originalError);
      if (known === null) return maskError(error, message, isDev);
      if (!isSessionError(originalError) || !originalError.expose)
        return new GraphQLError("Try again later", { extensions: known });
      // Still the same error, because Yoga prints those that are replaced.
      Object.assign(extensions, known);
      return error as GraphQLError;
    },
  },
  // By default any origin may read the answers, with the cookies of the user.
  cors: false,
});

const server = createServer(yoga);
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === "object" ? address?.port : address}`);
});
