/** "Your devices": where a user is signed in, and signing out of one or all of the others (OWASP ASVS 5.0, 7.5.2). */
import type { Session, SessionStore } from "coatcheck";
import { requireSession } from "coatcheck/express";
import { Router } from "express";
import type { Claims } from "../claims.ts";
import { type Html, html } from "../html.ts";
import { ago, redirect, send } from "./layout.ts";

/** `freshWithin`: how long ago, in ms, a user may have logged in to sign devices out. */
export function devicePages(store: SessionStore<Claims>, freshWithin: number): Router {
  const router = Router();

  router.get("/devices", requireSession({ redirectTo: "/login" }), async (req, res) => {
    const current = req.session.require();
    const devices = await store.listForUser(current.claims.user_name);
    const others = devices.filter(({ id }) => id !== current.id);
    const body = html`<h1>Your devices</h1>
      <p class="lead">Every browser and app in which you are signed in.</p>
      ${device(current, true)}
      ${others.map((other) => device(other, false))}
      ${
        others.length === 0
          ? html`<p class="empty">You are signed in nowhere else.</p>`
          : html`<form class="row end" method="post" action="/devices/end-others">
        <button class="danger">Sign out of all other devices</button>
      </form>`
      }`;
    send(req, res, { title: "Your devices", body });
  });

  router.post("/devices/end-others", requireSession({ freshWithin }), async (req, res) => {
    await req.session.endAll({ exceptCurrent: true });
    redirect(res, "/devices", "others-ended");
  });

  router.post("/devices/:id/end", requireSession({ freshWithin }), async (req, res) => {
    const current = req.session.require();
    const device = await store.find(req.params["id"]);
    // An id is public: only its owner may end the session that it names. Nobody learns whether others' ids are live.
    if (device === null || device.userId !== current.userId) return redirect(res, "/devices", "device-gone");
    if (device.id === current.id) {
      await req.session.end({ clearSiteData: true });
      return redirect(res, "/login", "logged-out");
    }
    await store.revoke(device.id);
    redirect(res, "/devices", "device-ended");
  });

  return router;
}

function device({ id, client, createdAt, lastSeenAt }: Session<Claims>, isCurrent: boolean): Html {
  const name = nameOf(client.userAgent);
  return html`<article class="card device">
        <header>
          <strong>${name}</strong>
          ${isCurrent && html`<span class="badge">This device</span>`}
        </header>
        <dl class="facts">
          <div><dt>Last seen</dt><dd>${isCurrent ? "now" : ago(lastSeenAt)}</dd></div>
          <div><dt>Signed in</dt><dd>${ago(createdAt)}</dd></div>
          <div><dt>Address</dt><dd>${client.ip ?? "unknown"}</dd></div>
          <div><dt>Browser</dt><dd class="agent">${client.userAgent ?? "unknown"}</dd></div>
        </dl>
        ${
          !isCurrent &&
          html`<form method="post" action="/devices/${id}/end"><button class="quiet danger">Sign out<span class="hidden"> of ${name}, signed in ${new Date(createdAt).toISOString()}</span></button></form>`
        }
      </article>`;
}

/** The first that matches: browsers name each other in their user agents, the one that it really is comes first here. */
const BROWSERS = [
  [/\bEdg/, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\//, "Firefox"],
  [/\bChrom(e|ium)\//, "Chrome"],
  [/\bHeadlessChrome\//, "Chrome"],
  [/\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
] as const;
const SYSTEMS = [
  [/\b(iPhone|iPad)\b/, "iOS"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bLinux\b/, "Linux"],
] as const;

function nameOf(userAgent = ""): string {
  const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "Unknown browser";
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1];
  return system === undefined ? browser : `${browser} on ${system}`;
}
