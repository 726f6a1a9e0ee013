/** The application on Fastify: `npx tsx fastify.ts`. */
import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { sessions } from "coatcheck/fastify";
import { AppModule } from "./app.js";
import { SessionErrorFilter } from "./sessions.js";
import { options, port, store } from "./store.js";

const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  logger: ["error", "warn"],
});
await app.register(sessions, { store, ...options });
app.useGlobalFilters(new SessionErrorFilter(app.getHttpAdapter()));
await app.listen(port, "127.0.0.1");
console.log(await app.getUrl());
