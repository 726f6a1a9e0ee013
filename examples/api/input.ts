/** Reading a JSON body. */
import type { Context } from "koa";

export const NAME = /^[a-z][a-z0-9-]{1,31}$/;

/** A text of the body. Throws 400 for anything else. */
export function textOf(ctx: Context, name: string, pattern = /^.{1,1000}$/s): string {
  const value = fieldOf(ctx, name);
  if (typeof value !== "string" || !pattern.test(value)) ctx.throw(400, `${name} is missing or malformed`);
  return value;
}

/** A list of texts in the body. Throws 400 for anything else. */
export function textsOf(ctx: Context, name: string): string[] {
  const value = fieldOf(ctx, name);
  if (!Array.isArray(value) || value.length > 100 || value.some((item) => typeof item !== "string")) {
    ctx.throw(400, `${name} must be a list of texts`);
  }
  return value as string[];
}

export function fieldOf(ctx: Context, name: string): unknown {
  const body: unknown = ctx.request.body;
  return typeof body === "object" && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}
