/**
 * Lets Node import the Lua files of src/ as text, as the build and the tests do: `npm run dev` starts from source with it.
 * `node --import ./tools/lua-as-text.mjs`
 */
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";
import { luaModule } from "./lua.mjs";

// Node loads this file a second time, as the hook itself, in a thread of its own.
if (isMainThread) register(import.meta.url);

export async function load(url, context, nextLoad) {
  const { pathname, protocol } = new URL(url);
  if (protocol !== "file:" || !pathname.endsWith(".lua")) return nextLoad(url, context);
  const text = await readFile(new URL(pathname, "file://"), "utf8");
  return { format: "module", shortCircuit: true, source: luaModule(text) };
}
