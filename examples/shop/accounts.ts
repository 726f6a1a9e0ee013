/** Users: signing up, logging in and out, proving once more who one is, and going premium. */
import { requireSession } from "coatcheck/fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { hashPassword, verifyPassword } from "../passwords.ts";
import type { Shop } from "./app.ts";
import type { Database } from "./database.ts";
import { Problem } from "./problem.ts";

interface Credentials {
  email: string;
  password: string;
}

const email = { type: "string", pattern: "^[^@\\s]+@[^@\\s]+$", maxLength: 254 };
const password = { type: "string", minLength: 8, maxLength: 128 };
const credentials = { body: { type: "object", required: ["email", "password"], properties: { email, password } } };

export function accountRoutes(app: FastifyInstance, { db, store, history, answer }: Shop): void {
  app.post<{ Body: Credentials }>("/sign-up", { schema: credentials }, async (request, reply) => {
    const { rows } = await db.query<{ id: string }>(
      "INSERT INTO users (email, password) VALUES (lower($1), $2) ON CONFLICT DO NOTHING RETURNING id::text",
      [request.body.email, await hashPassword(request.body.password)],
    );
    const [user] = rows;
    if (user === undefined) throw new Problem(409, "There is an account with this address already.");
    await logIn(request, user.id);
    return answer(request, reply.code(201), describe(request));
  });

  app.post<{ Body: Credentials }>("/log-in", { schema: credentials }, async (request, reply) => {
    const { rows } = await db.query<{ id: string; password: string }>(
      "SELECT id::text, password FROM users WHERE email = lower($1)",
      [request.body.email],
    );
    const [user] = rows;
    const verified = await verifyPassword(request.body.password, user?.password);
    if (user === undefined || !verified) throw new Problem(401, "The address or the password is wrong.");
    await logIn(request, user.id);
    return answer(request, reply, describe(request));
  });

  app.post("/log-out", async (request, reply) => {
    const ended = await request.session.end();
    return answer(request, reply, { ended });
  });

  app.post<{ Body: Pick<Credentials, "password"> }>(
    "/re-authenticate",
    { preHandler: requireSession(), schema: { body: { ...credentials.body, required: ["password"] } } },
    async (request, reply) => {
      const { rows } = await db.query<{ password: string }>("SELECT password FROM users WHERE id = $1", [
        userOf(request),
      ]);
      if (!(await verifyPassword(request.body.password, rows[0]?.password))) {
        throw new Problem(401, "The password is wrong.");
      }
      // A new token and a new `authenticatedAt`. Should the session have ended meanwhile, `describe` throws 401.
      await request.session.rotate({ reauthenticated: true });
      return answer(request, reply, describe(request));
    },
  );

  app.get("/me", { preHandler: requireSession() }, async (request) => describe(request));

  app.post("/premium", { preHandler: requireSession() }, async (request, reply) => {
    const userId = userOf(request);
    await db.query("UPDATE users SET premium = true WHERE id = $1", [userId]);
    const sessions = await store.updateClaimsForUser(userId, { premium: true });
    return answer(request, reply, { premium: true, sessions });
  });

  app.get("/history", { preHandler: requireSession() }, async (request) => {
    await history.settled();
    return history.of(userOf(request));
  });

  async function logIn(request: FastifyRequest, userId: string): Promise<void> {
    const client = { ip: request.ip, userAgent: request.headers["user-agent"] };
    await request.session.start({ userId, client });
    // Read from the database only now, while the session exists: an upgrade at this very moment reaches the session too,
    // and the function form then reads again. Read before, an old answer could be written over the upgrade.
    await request.session.updateClaims(async () => ({ premium: await isPremium(db, userId) }));
  }
}

/** The user of the request; throws 401 where there is none. A guest's session has no user, and `require` takes none. */
export function userOf(request: FastifyRequest): string {
  return request.session.require().userId;
}

function describe(request: FastifyRequest) {
  const { id, userId, claims, authenticatedAt, absoluteExpiresAt } = request.session.require();
  return { user: userId, session: id, premium: claims.premium ?? false, authenticatedAt, absoluteExpiresAt };
}

async function isPremium(db: Database, userId: string): Promise<boolean> {
  const { rows } = await db.query<{ premium: boolean }>("SELECT premium FROM users WHERE id = $1", [userId]);
  return rows[0]?.premium ?? false;
}
