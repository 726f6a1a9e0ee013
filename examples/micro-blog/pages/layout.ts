/** The frame of every page: head, navigation, notices. Its name and role come from the session alone. */
import type { Request, Response } from "express";
import { type Content, type Html, html } from "../html.ts";

export interface Page {
  readonly title: string;
  readonly body: Content;
  readonly status?: number;
}

/** What a page says after a form has been sent: the address names one of these, and can say nothing else. */
const NOTICES = {
  welcome: "Welcome! Your account is ready.",
  "logged-out": "You are logged out.",
  "device-ended": "The device is signed out.",
  "device-gone": "That device is no longer signed in.",
  "others-ended": "All your other devices are signed out.",
  "link-sent": "A link is on its way to your address.",
  "address-confirmed": "Thank you! The address is confirmed.",
  "password-reset": "The password is changed, and all devices of the account are signed out.",
  "password-changed": "Your password is changed, and all your other devices are signed out.",
  blocked: "The user is blocked, and signed out everywhere.",
  unblocked: "The user may log in again.",
  "role-changed": "The role is changed, on all devices of the user.",
} as const;

export type Notice = keyof typeof NOTICES;

/** Answers a form: a page that tells of it, loaded with GET, so that a reload sends nothing again. */
export function redirect(res: Response, path: string, notice?: Notice): void {
  res.redirect(303, notice === undefined ? path : `${path}?notice=${notice}`);
}

export function send(req: Request, res: Response, page: Page): void {
  res.status(page.status ?? 200).send(frame(req, page).toString());
}

function frame(req: Request, { title, body }: Page): Html {
  const { notice } = req.query;
  const text = typeof notice === "string" && Object.hasOwn(NOTICES, notice) ? NOTICES[notice as Notice] : undefined;
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title} · micro-blog</title>
    <link rel="stylesheet" href="/style.css">
    <link rel="icon" href="/icon.svg" type="image/svg+xml">
    ${req.session?.current && html`<script src="/live.js" type="module"></script>`}
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header class="top">
      <div class="column">
        <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28">micro-blog</a>
        ${navigation(req)}
      </div>
    </header>
    <main id="main" class="column">
      ${text !== undefined && html`<p class="notice" role="status">${text}</p>`}
      ${reminder(req)}
      ${body}
    </main>
    <footer class="column">
      <p>Each page asks Redis once who you are. So a log-out, a block or a new role holds from the next click on, and an open page is told at once.</p>
      ${hasOutbox(req) && html`<p>This demo sends no mail. <a href="/mail">Read what it would have sent</a></p>`}
    </footer>
  </body>
</html>
`;
}

/** Whether mails are shown on a page, since none leave. */
export function hasOutbox(req: Request): boolean {
  return req.app.locals["hasOutbox"] === true;
}

/** For a user whose address is not confirmed. Sessions from before there was such a thing say nothing of it. */
function reminder(req: Request): Content {
  const claims = req.session?.current?.claims;
  if (claims?.email_verified !== false || req.path === "/verify") return null;
  return html`<form class="reminder" method="post" action="/account/verify">
        <p><strong>Confirm your address:</strong> follow the link that we have sent to ${claims.email}. If you forget your
          password, only a confirmed address gets you a new one.</p>
        <button class="quiet">Send another link</button>
      </form>`;
}

function navigation(req: Request): Content {
  // On an error page for a request that was refused before it had a session, nobody knows who reads it.
  if (!req.session) return null;
  const claims = req.session.current?.claims;
  const link = (path: string, text: string) =>
    html`<a href="${path}"${req.path === path && html` aria-current="page"`}>${text}</a>`;
  if (claims === undefined) {
    return html`<nav aria-label="Pages">${link("/login", "Log in")}${link("/signup", "Sign up")}</nav>`;
  }
  return html`<nav aria-label="Pages">
          ${link("/", "Timeline")}
          ${link("/devices", "Devices")}
          ${link("/account", "Account")}
          ${claims.role === "moderator" && link("/moderation", "Moderation")}
        </nav>
        <form class="who" method="post" action="/logout">
          <span>${avatar(claims.user_name)}<span class="name">${claims.user_name}</span></span>
          <button class="quiet">Log out</button>
        </form>`;
}

/** A coloured letter; decoration only. */
export function avatar(name: string): Html {
  const hue = [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % 6;
  return html`<span class="avatar hue-${hue}" aria-hidden="true">${name.slice(0, 1).toUpperCase()}</span>`;
}

/** Links to the pages before and after this one, where there are any. */
export function pager(page: number, hasMore: boolean): Content {
  if (page === 1 && !hasMore) return null;
  return html`<nav class="pager" aria-label="Older and newer">
        ${page > 1 && html`<a href="?page=${page - 1}" rel="prev">← Newer</a>`}
        ${hasMore && html`<a class="next" href="?page=${page + 1}" rel="next">Older →</a>`}
      </nav>`;
}

/** How long ago something was, as people say it, with the exact time behind it. */
export function ago(instant: number): Html {
  const date = new Date(instant);
  const minutes = Math.floor((Date.now() - instant) / 60_000);
  const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(date);
  const text =
    minutes < 1
      ? "just now"
      : minutes < 60
        ? `${minutes} min ago`
        : minutes < 24 * 60
          ? `${Math.floor(minutes / 60)} h ago`
          : day;
  return html`<time datetime="${date.toISOString()}" title="${moment(instant)}">${text}</time>`;
}

/** A moment to the minute, for whoever needs to know exactly. */
export function moment(instant: number): string {
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return `${format.format(new Date(instant))} UTC`;
}
