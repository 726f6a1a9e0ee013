/** The store of the application. */
import { createSessionStore } from "coatcheck";
import { Redis } from "ioredis";

const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
redis.on("error", (error) => console.error(`redis: ${error.message}`));
export const store = createSessionStore(redis);
export const options = { cookie: { secure: process.env.NODE_ENV === "production" } };
export const port = Number(process.env.PORT ?? 3000);
