/** The demo's stand-in for a mail server: what would have been sent, for everybody to read. */
import { Router } from "express";
import { type Content, type Html, html } from "../html.ts";
import type { Outbox, OutboxMail } from "../mail.ts";
import { ago, send } from "./layout.ts";

export function outboxPage(outbox: Outbox): Router {
  const router = Router();

  router.get("/mail", (req, res) => {
    const { mails } = outbox;
    const body = html`<h1>Mail</h1>
      <p class="alert"><strong>Only in the demo.</strong> It has no mail server, so its mails end here, where everybody reads
        them. A program in <code>SENDMAIL</code> sends them, and this page is gone.</p>
      ${mails.map(article)}
      ${mails.length === 0 && html`<p class="empty"><strong>No mail yet.</strong> Sign up, or ask for a new password.</p>`}`;
    send(req, res, { title: "Mail", body });
  });

  return router;
}

function article({ to, subject, text, sentAt }: OutboxMail): Html {
  return html`<article class="card mail">
        <header><strong>${subject}</strong><span class="when">${ago(sentAt)}</span></header>
        <p class="meta">To ${to}</p>
        <p class="text">${text.split(/(https?:\/\/\S+)/).map(linked)}</p>
      </article>`;
}

/** The parts between addresses are text, and every other one is an address. */
function linked(part: string, at: number): Content {
  return at % 2 === 0 ? part : html`<a href="${part}">${part}</a>`;
}
