/** What every first example of a framework does, whatever it is built on: driven from outside, as its users do. */
import { expect } from "vitest";

/** The paths of an example, and how its log-in form is sent. */
export interface VisitedExample {
  /** The address of the running program, without a path. */
  readonly url: string;
  /** A path that sends a browser without a session to the log-in page. */
  readonly guarded: string;
  readonly login: string;
  readonly logout: string;
  /** Blocks a user, and ends every session of that user. */
  block(user: string): Promise<unknown>;
  /** What the guarded page shows of its user. */
  shows(user: string): string;
  /** Headers that the framework wants with a form, beside those that each browser sends. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of the forms beside the user. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** Logs in by way of the guarded page, logs out, and is blocked. */
export async function expectVisit(example: VisitedExample): Promise<void> {
  const { url, guarded, login, logout } = example;
  const send = (path: string, init: RequestInit = {}) => fetch(url + path, { redirect: "manual", ...init });
  const browser = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin" };
  const post = (path: string, cookie: string, fields: Record<string, string> = {}) =>
    send(path, {
      method: "POST",
      headers: { ...browser, ...(cookie === "" ? {} : { cookie }), origin: url, ...example.headers },
      body: new URLSearchParams({ ...example.fields, ...fields }),
    });
  const cookieOf = ({ headers }: Response) => headers.getSetCookie().find((line) => /^session=/.test(line)) ?? "";
  const isSent = async (cookie: string) => {
    const answer = await send(guarded, { headers: { ...browser, cookie } });
    await answer.text();
    return new URL(answer.headers.get("location") ?? url, url).pathname === login;
  };
  const shown = async (cookie: string) => (await send(guarded, { headers: { ...browser, cookie } })).text();
  const logIn = async (path: string, user: string) => {
    const answer = await post(path, "", { user });
    await answer.text();
    return { answer, cookie: cookieOf(answer).split(";")[0] ?? "" };
  };

  // The guard sends a browser to the log-in page, and the log-in sends it back to where it wanted to go.
  const sent = await send(guarded, { headers: browser });
  await sent.text();
  expect([303, 307]).toContain(sent.status);
  const address = new URL(sent.headers.get("location") ?? "", url);
  expect([address.pathname, address.searchParams.get("returnTo")]).toEqual([login, guarded]);
  expect((await send(address.pathname + address.search, { headers: browser })).status).toBe(200);
  const ada = await logIn(address.pathname + address.search, "ada");
  expect(ada.answer.status).toBe(303);
  expect(new URL(ada.answer.headers.get("location") ?? "", url).pathname).toBe(guarded);
  expect(cookieOf(ada.answer)).toMatch(/; HttpOnly/);
  expect(await shown(ada.cookie)).toContain(example.shows("ada"));
  // To no other site.
  const lured = await post(`${login}?returnTo=${encodeURIComponent("//evil.example/")}`, "", { user: "ada" });
  expect(new URL(lured.headers.get("location") ?? url, url).origin).toBe(url);

  // Another site can neither log in nor log out.
  const foreign = {
    method: "POST",
    headers: { cookie: ada.cookie, "sec-fetch-site": "cross-site", origin: "https://evil.example" },
  };
  expect((await send(logout, { ...foreign, body: new URLSearchParams(example.fields) })).status).toBe(403);
  expect(await isSent(ada.cookie)).toBe(false);

  // A log-out takes the cookie back, and what somebody has kept of it is worth nothing.
  const out = await post(logout, ada.cookie);
  await out.text();
  expect(cookieOf(out)).toMatch(/^session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/);
  expect(await isSent(ada.cookie)).toBe(true);

  // A user who is blocked is out with the next request, and stays out.
  const eve = await logIn(login, "eve");
  expect(await isSent(eve.cookie)).toBe(false);
  await example.block("eve");
  expect(await isSent(eve.cookie)).toBe(true);
  expect((await logIn(login, "eve")).answer.status).toBe(403);
}
