/** The moderators' page: blocks users and changes roles, with effect on the very next request of the user. */
import type { Block, SessionStore } from "coatcheck";
import { requireSession } from "coatcheck/express";
import { type Request, Router } from "express";
import type { Claims } from "../claims.ts";
import { field, pageNumber } from "../forms.ts";
import { type Html, html } from "../html.ts";
import { HttpError } from "../http-error.ts";
import type { LogIn } from "../log-in.ts";
import type { User, Users } from "../users.ts";
import { shortened } from "./ended.ts";
import { ago, avatar, moment, pager, redirect, send } from "./layout.ts";

const HOUR = 3_600_000;
const DURATIONS: Readonly<Record<string, number>> = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR };
const MAX_REASON = 200;

export interface ModerationOptions {
  readonly users: Users;
  readonly store: SessionStore<Claims>;
  readonly logIn: LogIn;
}

export function moderationPages({ users, store, logIn }: ModerationOptions): Router {
  const router = Router();
  router.use("/moderation", requireSession({ where: { role: "moderator" }, redirectTo: "/login" }));

  router.get("/moderation", async (req, res) => {
    const self = req.session.require().claims.user_name;
    const page = pageNumber(req);
    const { users: listed, hasMore } = await users.list(page);
    const blocks = await Promise.all(listed.map(({ name }) => store.getBlock(name)));
    const body = html`<h1>Moderation</h1>
      <p class="lead">A block or a new role holds from the user’s next click on.</p>
      ${listed.map((user, at) => card(user, blocks[at] ?? null, user.name === self))}
      ${listed.length === 0 && html`<p class="empty">There are no more users. <a href="/moderation">Back to the newest</a></p>`}
      ${listed.length > 0 && pager(page, hasMore)}`;
    send(req, res, { title: "Moderation", body });
  });

  router.post("/moderation/:name/block", async (req, res) => {
    const { name } = await otherUser(req);
    const reason = field(req, "reason").trim();
    if (reason === "" || reason.length > MAX_REASON) {
      throw new HttpError(422, `A block needs a reason, of ${MAX_REASON} characters at most.`);
    }
    const duration = DURATIONS[field(req, "duration")];
    await store.blockUser(name, {
      reason,
      note: shortened(reason),
      ...(duration !== undefined && { until: Date.now() + duration }),
    });
    redirect(res, "/moderation", "blocked");
  });

  router.post("/moderation/:name/unblock", async (req, res) => {
    await store.unblockUser((await otherUser(req)).name);
    redirect(res, "/moderation", "unblocked");
  });

  router.post("/moderation/:name/role", async (req, res) => {
    const role = field(req, "role");
    if (role !== "member" && role !== "moderator") throw new HttpError(422, "There is no such role.");
    await logIn.changeRole((await otherUser(req)).name, role);
    redirect(res, "/moderation", "role-changed");
  });

  /** Nobody locks themselves out: a moderator acts on others only. */
  async function otherUser(req: Request): Promise<User> {
    const user = await users.get(String(req.params["name"]));
    if (user === null) throw new HttpError(404, "There is no such user.");
    if (user.name === req.session.require().claims.user_name) {
      throw new HttpError(403, "You cannot block yourself or change your own role.");
    }
    return user;
  }

  return router;
}

function card({ name, email, role, createdAt }: User, block: Block | null, isSelf: boolean): Html {
  return html`<article class="card user" id="user-${name}">
        <header>
          ${avatar(name)}<strong>${name}</strong>
          ${role === "moderator" && html`<span class="badge">Moderator</span>`}
          ${block !== null && html`<span class="badge bad">Blocked</span>`}
        </header>
        <p class="meta"><span>${email}</span> <span>since ${ago(createdAt)}</span></p>
        ${block !== null && html`<p class="block">${block.until === null ? "Blocked until lifted" : `Blocked until ${moment(block.until)}`}: ${block.reason}</p>`}
        ${isSelf ? html`<p class="hint">This is you.</p>` : actions(name, role, block)}
      </article>`;
}

function actions(name: string, role: User["role"], block: Block | null): Html {
  const [other, text] = role === "member" ? ["moderator", "Make moderator"] : ["member", "Make member"];
  return html`<div class="actions">
          <form method="post" action="/moderation/${name}/role">
            <button class="quiet" name="role" value="${other}">${text}<span class="hidden">: ${name}</span></button>
          </form>
          ${block === null ? blockForm(name) : html`<form method="post" action="/moderation/${name}/unblock"><button class="quiet">Unblock<span class="hidden"> ${name}</span></button></form>`}
        </div>`;
}

function blockForm(name: string): Html {
  return html`<details>
            <summary class="button quiet danger">Block<span class="hidden"> ${name}</span> …</summary>
            <form class="block-form" method="post" action="/moderation/${name}/block">
              <div class="field">
                <label for="reason-${name}">Reason</label>
                <input id="reason-${name}" name="reason" required maxlength="${MAX_REASON}" autocomplete="off">
                <p class="hint">${name} reads it at the next log-in.</p>
              </div>
              <div class="field">
                <label for="duration-${name}">For</label>
                <select id="duration-${name}" name="duration">
                  <option value="hour">an hour</option>
                  <option value="day">a day</option>
                  <option value="week">a week</option>
                  <option value="" selected>until it is lifted</option>
                </select>
              </div>
              <button class="danger">Block ${name}</button>
            </form>
          </details>`;
}
