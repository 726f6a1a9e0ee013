/** Confirming an e-mail address: what the link in the mail leads to, and asking for the mail once more. */
import { requireSession } from "coatcheck/express";
import { type Request, type Response, Router } from "express";
import type { EmailVerification } from "../email-verification.ts";
import { field } from "../forms.ts";
import { html } from "../html.ts";
import type { Dispatch } from "../mail.ts";
import { redirect, send } from "./layout.ts";
import { keepAddress, sendDeadLink, tokenOf } from "./link.ts";

const WHY = "It has been used, is older than a day, or you have asked for a newer one.";

export interface VerificationOptions {
  readonly verification: EmailVerification;
  readonly dispatch: Dispatch;
}

export function verificationPages({ verification, dispatch }: VerificationOptions): Router {
  const router = Router();

  router.post("/account/verify", requireSession(), async (req, res) => {
    const { user_name, email } = req.session.require().claims;
    await dispatch.send(await verification.write({ name: user_name, email }));
    redirect(res, "/account", "link-sent");
  });

  router.use("/verify", keepAddress);

  // A scanner that follows the link proves nothing about who reads the mail: only the form does.
  router.get("/verify", async (req, res) => {
    const token = tokenOf(req);
    const address = await verification.peek(token);
    if (address === null) return sendDead(req, res);
    const body = html`<h1>Is this your address?</h1>
      <form class="card narrow" method="post" action="/verify">
        <dl class="facts">
          <div><dt>E-mail</dt><dd>${address.email}</dd></div>
          <div><dt>User name</dt><dd>${address.name}</dd></div>
        </dl>
        <p>If you did not sign up with this name, somebody else has used your address. Then close this page.</p>
        <input type="hidden" name="token" value="${token}">
        <button>Yes, it is mine</button>
      </form>`;
    send(req, res, { title: "Is this your address?", body });
  });

  router.post("/verify", async (req, res) => {
    const address = await verification.use(field(req, "token"));
    if (address === null) return sendDead(req, res);
    redirect(res, "/", "address-confirmed");
  });

  return router;
}

function sendDead(req: Request, res: Response): void {
  // There is the button that sends another.
  sendDeadLink(req, res, WHY, ["/account", "To your account"]);
}
