import { readFile } from "node:fs/promises";
import { defineConfig } from "tsup";
import { luaModule } from "./tools/lua.mjs";

/** Every public module, one for each line of `exports` in package.json. */
const entries = {
  index: "src/index.ts",
  http: "src/http.ts",
  express: "src/express.ts",
  fastify: "src/fastify.ts",
  koa: "src/koa.ts",
  hono: "src/hono.ts",
  fetch: "src/fetch.ts",
  "express-session": "src/express-session.ts",
  "koa-session": "src/koa-session.ts",
  introspection: "src/introspection.ts",
  "one-time": "src/one-time.ts",
  jwt: "src/jwt.ts",
  testing: "src/testing.ts",
};

export default defineConfig({
  entry: entries,
  format: ["esm"],
  target: "node20",
  platform: "node",
  dts: true,
  // No source maps: the build is not minified and keeps its names, and maps would be more than half of the package.
  clean: true,
  // Shared chunks: an error class that two entries export must be one class, or `instanceof` fails between them.
  splitting: true,
  esbuildPlugins: [
    {
      name: "lua-as-text",
      setup(build) {
        build.onLoad({ filter: /\.lua$/ }, async ({ path }) => ({ contents: luaModule(await readFile(path, "utf8")) }));
      },
    },
  ],
  // `node:crypto` stays `node:crypto`, which no package of the same name can shadow.
  removeNodeProtocol: false,
});
