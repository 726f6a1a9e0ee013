// Makes a process find no ioredis, as if only node-redis were installed.
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

export async function resolve(specifier, context, next) {
  const without = process.env.WITHOUT?.split(",") ?? [];
  if (!without.includes(specifier)) return next(specifier, context);
  throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: "ERR_MODULE_NOT_FOUND" });
}
