/** Sign-up, log-in, log-out and the change of the password. */
import { UserBlockedError } from "coatcheck";
import { requireSession } from "coatcheck/express";
import { type Request, type Response, Router } from "express";
import type { Attempts } from "../attempts.ts";
import type { EmailVerification } from "../email-verification.ts";
import { field, localPath } from "../forms.ts";
import { type Content, type Html, html } from "../html.ts";
import { HttpError } from "../http-error.ts";
import type { LogIn } from "../log-in.ts";
import { type Dispatch, isEmail, MAX_ADDRESS } from "../mail.ts";
import { MAX_PASSWORD, NAME, type User, type Users } from "../users.ts";
import { endedText } from "./ended.ts";
import { alert, input, newPassword, passwordProblem } from "./fields.ts";
import { moment, redirect, send } from "./layout.ts";

const WRONG = "That name and password do not go together.";
const MAX_NAME = 20;

/** For whoever asked for something that needs a log-in. */
export const LOG_IN_FIRST = "Log in to go on. Were you logged in? Then you were signed out, or it was too long ago.";

export interface AccountOptions {
  readonly users: Users;
  readonly logIn: LogIn;
  readonly attempts: Attempts;
  readonly verification: EmailVerification;
  readonly dispatch: Dispatch;
}

export function accountPages({ users, logIn, attempts, verification, dispatch }: AccountOptions): Router {
  const router = Router();

  router.get("/login", (req, res) => {
    // The guards of pages send people here, with the address that they asked for.
    const { returnTo } = req.query;
    const next = localPath(returnTo);
    if (req.session.current !== null) return redirect(res, next);
    sendLogIn(req, res, returnTo === undefined ? { next } : { next, notice: LOG_IN_FIRST });
  });

  router.post("/login", async (req, res) => {
    const [name, next] = [field(req, "name").trim().toLowerCase(), localPath(field(req, "next"))];
    await attempts.count(name, req.ip);
    const user = await users.authenticate(name, field(req, "password"));
    if (user === null) return sendLogIn(req, res, { status: 401, name, next, problem: WRONG });
    await attempts.forget(name, req.ip);
    try {
      if (await startSession(req, user)) return redirect(res, next);
    } catch (error) {
      if (!(error instanceof UserBlockedError)) throw error;
      // Only who knows the password learns of the block.
      return sendLogIn(req, res, { status: 403, name, next, problem: blockText(error) });
    }
    sendLogIn(req, res, { status: 401, name, next, problem: WRONG });
  });

  router.post("/logout", async (req, res) => {
    // Else the back button of Chrome shows the page that the log-in led to, from its cache for "back", despite `no-store`.
    await req.session.end({ clearSiteData: true });
    redirect(res, "/login", "logged-out");
  });

  router.get("/signup", (req, res) => {
    if (req.session.current !== null) return redirect(res, "/");
    sendSignUp(req, res);
  });

  router.post("/signup", async (req, res) => {
    const [name, email, password] = [
      field(req, "name").trim().toLowerCase(),
      field(req, "email").trim(),
      field(req, "password"),
    ];
    const problems: Problems = {
      name: NAME.test(name) ? undefined : "2 to 20 letters, digits and underscores; a letter first.",
      email: isEmail(email) ? undefined : "An e-mail address looks like you@example.com.",
      password: passwordProblem(password, name),
    };
    if (Object.values(problems).some((problem) => problem !== undefined)) {
      return sendSignUp(req, res, { status: 422, name, email, problems });
    }
    await attempts.count("sign-up", req.ip);
    const user = await users.create({ name, email, password });
    if (user === null) {
      return sendSignUp(req, res, { status: 422, name, email, problems: { name: "That name is taken." } });
    }
    await startSession(req, user);
    redirect(res, "/", "welcome");
    // The account is there, whatever becomes of the mail: it can be asked for again.
    dispatch.start(async () => [await verification.write(user)]);
  });

  router.get("/account", requireSession({ redirectTo: "/login" }), (req, res) => sendAccount(req, res));

  router.post("/account/password", requireSession(), async (req, res) => {
    const { user_name } = req.session.require().claims;
    await attempts.count(user_name, req.ip);
    const user = await users.authenticate(user_name, field(req, "current"));
    if (user === null) return sendAccount(req, res, { current: "That is not your password." });
    await attempts.forget(user_name, req.ip);
    const password = field(req, "password");
    const problem = passwordProblem(password, user_name);
    if (problem !== undefined) return sendAccount(req, res, { password: problem });
    if (!(await logIn.changePassword(req.session, user, password))) {
      return sendAccount(req, res, { current: "That is not your password any more." });
    }
    redirect(res, "/account", "password-changed");
  });

  /** For what is worth asking again (OWASP ASVS 5.0, 7.5.1): the same session, with a new token and a new log-in time. */
  router.post("/confirm", requireSession(), async (req, res) => {
    const { user_name } = req.session.require().claims;
    const next = localPath(field(req, "next"));
    await attempts.count(user_name, req.ip);
    if ((await users.authenticate(user_name, field(req, "password"))) === null) {
      return sendConfirm(req, res, { next, problem: "That is not your password." });
    }
    await attempts.forget(user_name, req.ip);
    if ((await req.session.rotate({ reauthenticated: true })) === null) throw new HttpError(401, "Log in first");
    redirect(res, next);
  });

  function startSession(req: Request, user: User): Promise<boolean> {
    const { ip, headers } = req;
    const userAgent = headers["user-agent"];
    return logIn.start(req.session, user, { ...(ip && { ip }), ...(userAgent && { userAgent }) });
  }

  return router;
}

/** An account whose password is no secret. */
export interface DemoAccount {
  readonly name: string;
  readonly role: string;
  readonly password: string;
}

type Problems = { readonly [Field in "name" | "email" | "password" | "current"]?: string | undefined };

function blockText({ until, reason }: UserBlockedError): string {
  const end = until === null ? "" : ` until ${moment(until)}`;
  return `This account is blocked${end}.${reason === null ? "" : ` Reason: ${reason}`}`;
}

export interface LogInForm {
  readonly status?: number;
  readonly name?: string;
  readonly next?: string;
  readonly problem?: string;
  /** What the reader has written and could not send. */
  readonly draft?: string;
  /** What the reader should know, where nothing is wrong. */
  readonly notice?: string;
}

/** The log-in page: also the answer to a request that needs a session and has none. */
export function sendLogIn(req: Request, res: Response, form: LogInForm): void {
  const { status, name = "", next = "/", problem } = form;
  // Why this browser was signed out, rather than that it must log in. Who has just tried to log in knows.
  const notice = problem === undefined ? (endedText(req.session.ended) ?? form.notice) : form.notice;
  const body = html`<h1>Log in</h1>
      <form class="card narrow" method="post" action="/login">
        ${alert(problem)}
        ${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
        <input type="hidden" name="next" value="${next}">
        ${input({ name: "name", label: "User name", autocomplete: "username", value: name, maxlength: MAX_NAME })}
        ${input({ name: "password", label: "Password", type: "password", autocomplete: "current-password", maxlength: MAX_PASSWORD })}
        <button>Log in</button>
      </form>
      ${form.draft && keptDraft(form.draft)}
      ${demoAccounts(req.app.locals["demo"] as readonly DemoAccount[])}
      <p class="aside"><a href="/forgot">Forgot your password?</a></p>
      <p class="aside">New here? <a href="/signup">Sign up</a></p>`;
  send(req, res, { title: "Log in", body, ...(status && { status }) });
}

/** A text that was not posted. After a log-in it is in the field again; whoever may not log in can still copy it. */
function keptDraft(draft: string): Html {
  return html`<section class="card narrow">
        <label for="draft">Your text was not posted, and is kept here</label>
        <textarea id="draft" rows="4" readonly>${draft}</textarea>
      </section>`;
}

function demoAccounts(accounts: readonly DemoAccount[]): Content {
  if (accounts.length === 0) return null;
  const rows = accounts.map(
    ({ name, role, password }) => html`<li><strong>${name}</strong> (${role}): <code>${password}</code></li>`,
  );
  return html`<section class="card narrow"><h2>For a look</h2><ul>${rows}</ul></section>`;
}

/** Asks for the password once more: the answer where the log-in is too long ago. */
export function sendConfirm(req: Request, res: Response, { next = "/", problem }: LogInForm): void {
  const name = req.session.current?.claims.user_name ?? "";
  const body = html`<h1>Is it still you?</h1>
      <form class="card narrow" method="post" action="/confirm">
        ${alert(problem)}
        <p>You logged in a while ago. Before you go on, give your password once more.</p>
        <input type="hidden" name="next" value="${next}">
        <input type="hidden" name="name" value="${name}" autocomplete="username">
        ${input({ name: "password", label: "Password", type: "password", autocomplete: "current-password", maxlength: MAX_PASSWORD })}
        <button>Go on</button>
      </form>`;
  send(req, res, { title: "Is it still you?", body, status: 401 });
}

interface SignUpForm {
  readonly status?: number;
  readonly name?: string;
  readonly email?: string;
  readonly problems?: Problems;
}

function sendSignUp(req: Request, res: Response, { status, name = "", email = "", problems = {} }: SignUpForm = {}) {
  const body = html`<h1>Sign up</h1>
      <form class="card narrow" method="post" action="/signup">
        ${input({ name: "name", label: "User name", autocomplete: "username", value: name, maxlength: MAX_NAME, hint: "Everybody sees it. Letters, digits and underscores.", problem: problems.name })}
        ${input({ name: "email", label: "E-mail", type: "email", autocomplete: "email", value: email, maxlength: MAX_ADDRESS, hint: "Nobody sees it.", problem: problems.email })}
        ${newPassword("Password", problems.password)}
        <button>Sign up</button>
      </form>
      <p class="aside">You have an account? <a href="/login">Log in</a></p>`;
  send(req, res, { title: "Sign up", body, ...(status && { status }) });
}

function sendAccount(req: Request, res: Response, problems?: Problems): void {
  const { user_name, email, email_verified, role } = req.session.require().claims;
  const body = html`<h1>Your account</h1>
      <dl class="card facts">
        <div><dt>User name</dt><dd>${user_name}</dd></div>
        <div><dt>E-mail</dt><dd>${email} ${email_verified && html`<span class="badge">Confirmed</span>`}</dd></div>
        <div><dt>Role</dt><dd>${role}</dd></div>
      </dl>
      <h2>Change your password</h2>
      <form class="card narrow" method="post" action="/account/password">
        <p>All your other devices are signed out then.</p>
        <input type="hidden" name="name" value="${user_name}" autocomplete="username">
        ${input({ name: "current", label: "Current password", type: "password", autocomplete: "current-password", maxlength: MAX_PASSWORD, problem: problems?.current })}
        ${newPassword("New password", problems?.password)}
        <button>Change password</button>
      </form>`;
  send(req, res, { title: "Your account", body, ...(problems && { status: 422 }) });
}
