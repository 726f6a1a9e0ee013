/** Sessions in NestJS, on Express and on Fastify: a guard, a decorator for parameters, and a filter that answers errors. */
import {
  type ArgumentsHost,
  Catch,
  createParamDecorator,
  type ExecutionContext,
  type HttpServer,
  Logger,
  UseGuards,
} from "@nestjs/common";
import { BaseExceptionFilter } from "@nestjs/core";
import { SessionError } from "coatcheck";
import { checkRequirement, type RegisteredClaims, type RequestSession, type Requirement } from "coatcheck/http";

/** The session of the request; `sessions` of coatcheck/express or coatcheck/fastify has put it there. */
function sessionOf(context: ExecutionContext): RequestSession<RegisteredClaims> {
  return context.switchToHttp().getRequest().session;
}

/** For a parameter: `@Session() session: RequestSession`. */
export const Session = createParamDecorator((_data: unknown, context: ExecutionContext) => sessionOf(context));

/** A guard can only let a request through or throw; the filter below sends the browser there. */
class LogInRedirect extends Error {
  constructor(readonly address: string) {
    super("Log in first");
  }
}

/**
 * For a controller or a method: 401 without a live session, 403 with one that does not meet the requirement, and with `redirectTo`
 * the log-in page for a browser that opens a page.
 */
export function RequireSession(requirement: Requirement<RegisteredClaims> = {}) {
  checkRequirement(requirement);
  return UseGuards({
    canActivate(context: ExecutionContext) {
      const address = sessionOf(context).admit(requirement);
      if (address !== null) throw new LogInRedirect(address);
      return true;
    },
  });
}

/** Answers errors of coatcheck with their status and headers. Nest's own filter drops the headers, and prints every error. */
@Catch(SessionError, LogInRedirect)
export class SessionErrorFilter extends BaseExceptionFilter<SessionError | LogInRedirect> {
  readonly #http: HttpServer;

  constructor(http: HttpServer) {
    super(http);
    this.#http = http;
  }

  override catch(error: SessionError | LogInRedirect, host: ArgumentsHost) {
    const response = host.switchToHttp().getResponse();
    if (error instanceof LogInRedirect) return this.#http.redirect(response, 303, error.address);
    const { status, expose, headers = {}, message } = error;
    if (status === undefined) return super.catch(error, host);
    if (status >= 500) Logger.error(message, "Sessions");
    for (const [name, value] of Object.entries(headers)) {
      // A cookie that is taken back is on the response already, beside others of the application.
      if (name !== "Set-Cookie") this.#http.setHeader(response, name, value);
    }
    const body = { statusCode: status, message: expose ? message : "Try again later" };
    this.#http.reply(response, body, status);
  }
}
