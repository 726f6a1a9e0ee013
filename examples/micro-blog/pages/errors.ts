/** What the reader sees when a request fails: the log-in page for a 401, and a page that says what to do for the rest. */
import type { ErrorRequestHandler } from "express";
import { draftPath, field, localPath } from "../forms.ts";
import { html } from "../html.ts";
import { LOG_IN_FIRST, sendConfirm, sendLogIn } from "./account.ts";
import { send } from "./layout.ts";

const TEXTS: Readonly<Record<number, readonly [title: string, text: string]>> = {
  400: ["That was not understood", "Go back and try again."],
  403: ["Not allowed", "Your account may not do that. If it could a moment ago, a moderator has changed its role."],
  404: ["Not found", "There is nothing at this address. It may have moved, or the link has a typo."],
  413: ["Too much", "That was more than fits into one form."],
  422: ["That does not work", "Go back and change what you filled in."],
  429: ["Slow down", "Too many tries in a short time. Wait a few minutes and try again."],
  500: ["Something went wrong", "It is our fault, not yours. Try again; if it stays like this, come back later."],
  503: ["Back in a moment", "The blog cannot reach its database. That logs nobody out: try again in a few seconds."],
};

/** Where the status alone would not tell the reader enough. */
const TEXTS_BY_CODE: Readonly<Record<string, string>> = {
  ISSUE_LIMIT:
    "We have sent you several mails within the hour; the link in the last one is good. Is it among your spam?",
  UNTRUSTED_ORIGIN: "That form came from another site, so nothing was done with it. Write it here, if you meant it.",
};

export function errorPages(log: (error: unknown) => void): ErrorRequestHandler {
  return function microBlogErrors(error: Failure, req, res, next) {
    if (res.headersSent) return next(error);
    const status = Number.isInteger(error?.status) && Number(error.status) >= 400 ? Number(error.status) : 500;
    if (status >= 500) log(error);
    if (error?.headers) res.set({ ...error.headers });
    if (status === 401) {
      // After a form there is no way back to it. What was typed into the field for a post is kept.
      const draft = req.path === "/posts" ? field(req, "text") : "";
      const path = localPath(
        req.method === "GET" ? req.originalUrl : req.headers.referer && pathOf(req.headers.referer),
      );
      if (error.code === "REAUTHENTICATION_REQUIRED") return sendConfirm(req, res, { next: path });
      const next = draft === "" ? path : draftPath(draft);
      return sendLogIn(req, res, { status, next, notice: LOG_IN_FIRST, draft });
    }
    const [title, usual] = TEXTS[status] ?? (TEXTS[500] as readonly [string, string]);
    // coatcheck's errors speak to developers; only the blog's own are written for readers.
    const own = error.name === "HttpError" && status < 500 ? error.message : undefined;
    const text = own ?? TEXTS_BY_CODE[String(error.code)] ?? usual;
    const body = html`<div class="error">
        <p class="code" aria-hidden="true">${status}</p>
        <h1>${title}</h1>
        <p>${text}</p>
        <p class="row">${req.method === "GET" && status >= 500 && html`<a class="button" href="">Try again</a>`}
          <a class="button quiet" href="/">To the timeline</a></p>
      </div>`;
    send(req, res, { title, body, status });
  };
}

type Failure = Error & {
  readonly status?: unknown;
  readonly code?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

function pathOf(address: string): string {
  return URL.canParse(address) ? new URL(address).pathname + new URL(address).search : "/";
}
