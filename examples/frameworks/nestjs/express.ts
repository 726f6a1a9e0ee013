/** The application on Express: `npx tsx express.ts`. */
import "reflect-metadata";
import { NestFactory } from "@nestjs/core";
import type { NestExpressApplication } from "@nestjs/platform-express";
import { sessions } from "coatcheck/express";
import { AppModule } from "./app.js";
import { SessionErrorFilter } from "./sessions.js";
import { options, port, store } from "./store.js";

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ["error", "warn"] });
app.use(sessions(store, options));
app.useGlobalFilters(new SessionErrorFilter(app.getHttpAdapter()));
await app.listen(port, "127.0.0.1");
console.log(await app.getUrl());
