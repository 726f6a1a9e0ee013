/** What the pages have in common that a link in a mail leads to. */
import type { Request, RequestHandler, Response } from "express";
import { html } from "../html.ts";
import { send } from "./layout.ts";

/** The token in the address; "" for none. */
export function tokenOf(req: Request): string {
  const { token } = req.query;
  return typeof token === "string" ? token : "";
}

/**
 * The address of this page holds a token, so no request tells it as where it came from: not even those for our own style
 * sheet, whose `Referer` would stand in the log of a server in front. And not by `no-referrer`, with which browsers send
 * the form with `Origin: null`, as if another site did.
 */
export const keepAddress: RequestHandler = (_req, res, next) => {
  res.set("Referrer-Policy", "strict-origin");
  next();
};

/** Unknown, expired, used and void are one and the same to the blog, too. */
export function sendDeadLink(req: Request, res: Response, why: string, way: readonly [path: string, text: string]) {
  const [path, text] = way;
  const body = html`<div class="error">
        <h1>This link does not work any more</h1>
        <p>${why}</p>
        <p class="row"><a class="button" href="${path}">${text}</a> <a class="button quiet" href="/">To the timeline</a></p>
      </div>`;
  send(req, res, { title: "This link does not work any more", body, status: 404 });
}
