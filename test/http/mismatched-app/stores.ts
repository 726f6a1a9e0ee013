/** An application that has declared its claims, and gives every adapter stores of other claims. Each call here is an error. */
import { createSessionStore } from "coatcheck";
import { sessions as express } from "coatcheck/express";
import { sessions as fastify } from "coatcheck/fastify";
import { sessions as koa } from "coatcheck/koa";
import Fastify from "fastify";
import { Redis } from "ioredis";

declare global {
  namespace Coatcheck {
    interface Claims {
      role: "member" | "admin";
    }
  }
}

interface OtherClaims {
  colour: string;
}

const redis = new Redis();
const app = Fastify();

express(createSessionStore<OtherClaims>(redis));
koa(createSessionStore<OtherClaims>(redis));
app.register(fastify, { store: createSessionStore<OtherClaims>(redis) });

const loose = createSessionStore(redis);
express(loose);
koa(loose);
app.register(fastify, { store: loose });

declare const anyStore: ReturnType<typeof createSessionStore>;
express(anyStore);
koa(anyStore);
app.register(fastify, { store: anyStore });
