/**
 * Who hears of the errors of the server's that coatcheck/fetch and coatcheck/hono answer: no error handler of a framework prints
 * them. Knows no framework.
 */
import { checkNames, show } from "../leaves/arguments.js";
import { isSessionError, type SessionError } from "../leaves/errors.js";
import { HTTP_OPTION_NAMES, type HttpOptions } from "./http-sessions.js";

/** How sessions travel, and who hears of what fails. */
export interface FetchOptions extends HttpOptions {
  /**
   * Called with each error of coatcheck that is answered with a status of 500 or more, such as the 503 while Redis does not answer.
   * Neither the error nor its causes have a token in them; the headers of the request have. What it throws is thrown on, and a
   * promise that it returns is not awaited. Default: prints the error with `console.error`.
   */
  readonly onError?: ((error: SessionError, request: Request) => void) | undefined;
}

/** Tells `onError` of a caught value, if it is an error of the server's. */
export type ReportError = (caught: unknown, request: Request) => void;

/** Each is told once, also by two `sessions()` on the way of one request. */
const told = new WeakSet<SessionError>();

const print = (error: SessionError) => console.error(error);

/** Takes `onError` out of the options of `caller`. Throws `TypeError` for wrong ones. */
export function takeOnError(caller: string, options: FetchOptions = {}): [ReportError, HttpOptions] {
  checkNames(caller, options, [...HTTP_OPTION_NAMES, "onError"]);
  const { onError = print, ...rest } = options;
  if (typeof onError !== "function") throw new TypeError(`onError must be a function, got ${show(onError)}`);
  const report: ReportError = (caught, request) => {
    if (!isSessionError(caught) || caught.status === undefined || caught.status < 500 || told.has(caught)) return;
    told.add(caught);
    onError(caught, request);
  };
  return [report, rest];
}
