/** The way back to an account whose password is forgotten: asking for a link, and what the link leads to. */
import { type Request, type Response, Router } from "express";
import type { Attempts } from "../attempts.ts";
import { field } from "../forms.ts";
import { html } from "../html.ts";
import { type Dispatch, MAX_ADDRESS } from "../mail.ts";
import type { PasswordReset } from "../password-reset.ts";
import { input, newPassword, passwordProblem } from "./fields.ts";
import { hasOutbox, moment, redirect, send } from "./layout.ts";
import { keepAddress, sendDeadLink, tokenOf } from "./link.ts";

const WHY = "It has been used, is older than ten minutes, or you have asked for a newer one.";

export interface PasswordOptions {
  readonly reset: PasswordReset;
  readonly attempts: Attempts;
  readonly dispatch: Dispatch;
}

export function passwordPages({ reset, attempts, dispatch }: PasswordOptions): Router {
  const router = Router();

  router.get("/forgot", (req, res) => sendForgot(req, res));

  router.post("/forgot", async (req, res) => {
    const who = field(req, "who").trim();
    if (who === "" || who.length > MAX_ADDRESS) return sendForgot(req, res, "Your user name or your e-mail address.");
    // Counted by the address of who asks: counted by the account, it would tell that there is one.
    await attempts.count("password-reset", req.ip);
    // The answer is out before anybody has looked whether there is such an account: neither it nor its time can tell.
    redirect(res, "/forgot/sent");
    dispatch.start(() => reset.write(who));
  });

  router.get("/forgot/sent", (req, res) => {
    const body = html`<h1>Look into your mail</h1>
      <div class="card narrow">
        <p>If there is such an account, and its address is confirmed, a link to set a new password is on its way there. It
          works once, and for ten minutes.</p>
        <p class="hint">Nothing has come? Then it may be among your spam, or that was not the address.</p>
        ${hasOutbox(req) && html`<p class="row"><a class="button" href="/mail">To the mail of this demo</a></p>`}
      </div>
      <p class="aside"><a href="/forgot">Ask once more</a></p>`;
    send(req, res, { title: "Look into your mail", body });
  });

  router.use("/reset", keepAddress);

  // Mail programs and scanners follow links, so this only looks.
  router.get("/reset", async (req, res) => {
    const token = tokenOf(req);
    const link = await reset.peek(token);
    if (link === null) return sendDead(req, res);
    sendReset(req, res, { token, ...link });
  });

  // No session is needed, nor any other proof than the token: so no other site can send this form.
  router.post("/reset", async (req, res) => {
    const [token, password] = [field(req, "token"), field(req, "password")];
    const link = await reset.peek(token);
    if (link === null) return sendDead(req, res);
    const problem = passwordProblem(password, link.name);
    if (problem !== undefined) return sendReset(req, res, { token, ...link, problem });
    const name = await reset.use(token, password);
    if (name === null) return sendDead(req, res);
    // Not logged in: whoever set the password shows that they know it. Somebody else who is logged in here stays so.
    const { current } = req.session;
    redirect(res, current === null || current.userId === name ? "/login" : "/", "password-reset");
  });

  return router;
}

function sendForgot(req: Request, res: Response, problem?: string): void {
  const body = html`<h1>Forgot your password?</h1>
      <form class="card narrow" method="post" action="/forgot">
        <p>We send you a link with which you set a new one.</p>
        ${input({ name: "who", label: "User name or e-mail", autocomplete: "username", maxlength: MAX_ADDRESS, problem })}
        <button>Send the link</button>
      </form>
      <p class="aside">You remember it after all? <a href="/login">Log in</a></p>`;
  send(req, res, { title: "Forgot your password?", body, ...(problem !== undefined && { status: 422 }) });
}

interface ResetForm {
  readonly token: string;
  readonly name: string;
  readonly expiresAt: number;
  readonly problem?: string;
}

function sendReset(req: Request, res: Response, { token, name, expiresAt, problem }: ResetForm): void {
  const body = html`<h1>Set a new password</h1>
      <form class="card narrow" method="post" action="/reset">
        <p>For the account <strong>${name}</strong>. All its devices are signed out then.</p>
        <input type="hidden" name="token" value="${token}">
        <input type="hidden" name="name" value="${name}" autocomplete="username">
        ${newPassword("New password", problem)}
        <button>Set password</button>
      </form>
      <p class="aside">The link works once, until ${moment(expiresAt)}.</p>`;
  send(req, res, { title: "Set a new password", body, ...(problem !== undefined && { status: 422 }) });
}

function sendDead(req: Request, res: Response): void {
  sendDeadLink(req, res, WHY, ["/forgot", "Send me another"]);
}
