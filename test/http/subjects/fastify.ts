/** The application of the contract on Fastify. */
import { Readable } from "node:stream";
import Fastify, { type FastifyRequest } from "fastify";
import { requireSession, sessions } from "../../../src/fastify.js";
import { of, type Start } from "./served.js";

export const startFastify: Start = async (store, options) => {
  const app = Fastify();
  await app.register(sessions, { store, ...options });

  const show = async ({ session }: FastifyRequest) => ({ user: session.current?.userId ?? null });
  const queryOf = ({ query }: FastifyRequest) => query as { user: string; transport?: "cookie" | "bearer" };
  const userOf = (request: FastifyRequest) => ({ userId: queryOf(request).user });

  app.get("/", show);
  app.get("/public", async () => "public");
  app.get("/me", { preHandler: requireSession() }, show);
  app.get("/admin", { preHandler: requireSession({ where: ({ userId }) => userId === "admin" }) }, show);
  await app.register(
    async (pages) => {
      pages.get("/page", { preHandler: requireSession({ redirectTo: "/sign-in" }) }, show);
    },
    { prefix: "/app" },
  );
  app.post("/login", async (request, reply) => {
    reply.header("set-cookie", "theme=dark");
    const { transport } = queryOf(request);
    return { token: (await request.session.start({ ...userOf(request), transport })).token };
  });
  app.post("/login/redirect", async (request, reply) => {
    await request.session.start(userOf(request));
    return reply.redirect("/me", 303);
  });
  app.post("/login/stream", async (request, reply) => {
    await request.session.start(userOf(request));
    return reply.send(Readable.from(["one", "two"]));
  });
  app.post("/login/late", async (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200).flushHeaders();
    const outcome = request.session.start(userOf(request)).then(
      () => "none",
      (error: Error) => error.name,
    );
    reply.raw.end(await outcome);
  });
  app.post("/logout", async ({ session }) => ({ ended: await session.end() }));
  app.post("/rotate", async ({ session }) => ({ rotated: (await session.rotate()) !== null }));
  app.get("/boom", async () => {
    throw new Error("boom");
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  return of(app.server);
};
