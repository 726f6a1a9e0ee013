import { readFile } from "node:fs/promises";
import { defineConfig, type Options } from "tsup";
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

const luaAsText: NonNullable<Options["esbuildPlugins"]>[number] = {
  name: "lua-as-text",
  setup(build) {
    build.onLoad({ filter: /\.lua$/ }, async ({ path }) => ({ contents: luaModule(await readFile(path, "utf8")) }));
  },
};

const common: Options = {
  format: ["esm"],
  target: "node20",
  platform: "node",
  esbuildPlugins: [luaAsText],
  // `node:crypto` stays `node:crypto`, which no package of the same name can shadow.
  removeNodeProtocol: false,
};

export default defineConfig([
  {
    ...common,
    entry: entries,
    dts: true,
    // No source maps: the build is not minified and keeps its names, and maps would be more than half of the package.
    clean: true,
    // Shared chunks: an error class that two entries export must be one class, or `instanceof` fails between them.
    splitting: true,
  },
  {
    ...common,
    // The command line, a program of its own: nothing that is imported knows it. It brings the development dependencies that it
    // uses, and finds the Redis client of the application.
    entry: { cli: "src/cli.ts" },
    splitting: false,
    minifySyntax: true,
    minifyWhitespace: true,
    // Some of these libraries are CommonJS, and require modules of Node.js.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  },
]);
