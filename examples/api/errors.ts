/** Errors as JSON. */
import { STATUS_CODES } from "node:http";
import type { Middleware } from "koa";

/** What Koa reads off an error, whoever made it: coatcheck, Koa itself, or the body parser. */
interface HttpError {
  readonly status?: number;
  readonly expose?: boolean;
  readonly message?: string;
  readonly code?: string;
  readonly headers?: Record<string, string>;
}

/** Answers an error with its status and headers; what the client must not see goes to the app's `error` event alone. */
export const jsonErrors: Middleware = async function apiJsonErrors(ctx, next) {
  try {
    await next();
    if (ctx.status === 404 && ctx.body == null) ctx.throw(404, "No such route");
  } catch (error) {
    const { status = 500, expose = false, message, code, headers = {} } = (error ?? {}) as HttpError;
    ctx.status = status;
    ctx.set(headers);
    ctx.body = expose ? { error: message, code } : { error: STATUS_CODES[status] };
    if (status >= 500) ctx.app.emit("error", error, ctx);
  }
};
