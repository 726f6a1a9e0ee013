/** What the micro-blog does by mail: a forgotten password is set anew, and an address is confirmed. */
import { createOneTimeTokens } from "coatcheck/one-time";
import RedisMock from "ioredis-mock";
import { describe, expect, it } from "vitest";
import { isEmail } from "../../examples/micro-blog/mail.js";
import { uniquePrefix } from "../harness/fixtures.js";
import { describeBlog, PASSWORD, type RunningBlog, startBlog } from "./micro-blog-rig.js";
import type { Answer, Visitor } from "./micro-blog-visitor.js";

const NEW_PASSWORD = "staple the other battery";
const DEAD = "This link does not work any more";
const DAY = 24 * 60 * 60_000;

const tokenIn = (link: string) => new URLSearchParams(link.split("?")[1]).get("token") ?? "";
const withoutDate = ({ headers }: Answer) => [...headers].filter(([name]) => name !== "date");

/** A link as the blog makes them, for tests whose subject is not how it is asked for. */
async function link(
  { redis }: RunningBlog,
  purpose: "password-reset" | "verify-email",
  subject: string,
  { data = null, ttl = DAY }: { data?: object | null; ttl?: number } = {},
): Promise<string> {
  const { token } = await createOneTimeTokens<object | null>(redis, { purpose, ttl }).issue({ subject, data });
  return `/${purpose === "password-reset" ? "reset" : "verify"}?token=${token}`;
}

const setPassword = (visitor: Visitor, path: string, password = NEW_PASSWORD) =>
  visitor.post("/reset", { token: tokenIn(path), password });

/** A blog of its own, for what counts or fails. */
const startAlone = (options?: Parameters<typeof startBlog>[1]) =>
  startBlog(new RedisMock({ host: uniquePrefix() }), options);

describeBlog((running) => {
  describe("a forgotten password", () => {
    it("is set anew with a link, which ends all sessions and works once", async () => {
      await running().accounts("forgetful");
      const [phone, laptop, guest] = [
        await running().as("forgetful"),
        await running().as("forgetful"),
        running().guest(),
      ];
      expect((await guest.get("/login")).text).toContain('href="/forgot"');
      expect((await guest.post("/forgot", { who: " Forgetful " })).location).toBe("/forgot/sent");
      const [mail] = await running().mailTo("forgetful@example.com");
      expect(mail?.text).toContain("Hello forgetful,");
      const path = await running().linkTo("forgetful@example.com");
      expect(path).toMatch(/^\/reset\?token=[0-9A-Z]{26}\.[\w-]{43}$/);

      // Mail programs and scanners look first; neither they nor the reader's first look use the link up.
      for (let look = 0; look < 2; look++) {
        const { status, text } = await running().guest().get(path);
        expect(status).toBe(200);
        expect(text).toContain("For the account <strong>forgetful</strong>");
      }
      expect((await phone.get("/account")).status).toBe(200);

      expect((await setPassword(guest, path)).location).toBe("/login?notice=password-reset");
      for (const device of [phone, laptop]) expect((await device.get("/account")).status).toBe(401);
      expect((await guest.post("/login", { name: "forgetful", password: PASSWORD })).status).toBe(401);
      await guest.logIn("forgetful", NEW_PASSWORD);

      for (const again of [await setPassword(running().guest(), path, "one more password"), await guest.get(path)]) {
        expect(again.status).toBe(404);
        expect(again.text).toContain(DEAD);
        expect(again.text).toContain('href="/forgot"');
      }
      expect((await guest.get("/account")).status).toBe(200);
    });

    it("gets the same answer for every name and address, and a mail where there is a confirmed one", async () => {
      await running().accounts("known");
      await running().blog.users.create({ name: "unsure", email: "unsure@example.com", password: PASSWORD });
      const answers: Answer[] = [];
      for (const who of ["known", "unsure", "nobody", "nobody@example.com", "no: name"]) {
        answers.push(await running().guest().post("/forgot", { who }));
      }
      for (const answer of answers) {
        expect([answer.status, answer.location, answer.text]).toEqual([303, "/forgot/sent", answers[0]?.text]);
        expect(withoutDate(answer)).toEqual(withoutDate(answers[0] as Answer));
      }
      const mailTo = (address: string) => running().mailTo(address);
      expect(await mailTo("known@example.com")).toHaveLength(1);
      // An address with a typo is a stranger's, who must not get into the account.
      expect(await mailTo("unsure@example.com")).toEqual([]);
      expect(await mailTo("nobody@example.com")).toEqual([]);
    });

    it("can be asked for by address, for each account that has confirmed it", async () => {
      const { users } = running().blog;
      const email = "Shared@example.com";
      for (const name of ["shared_one", "shared_two", "impostor"]) {
        await users.create({ name, email, password: PASSWORD });
        if (name !== "impostor") await users.verifyEmail(name, email);
      }
      await running().guest().post("/forgot", { who: "sHARED@example.com" });
      const texts = (await running().mailTo(email)).map(({ text }) => /Hello (\w+)/.exec(text)?.[1]);
      expect(texts.sort()).toEqual(["shared_one", "shared_two"]);
    });

    it("voids the link before when it is asked for again, and that of a user who changes the password", async () => {
      await running().accounts("twice");
      const guest = running().guest();
      await guest.post("/forgot", { who: "twice" });
      const first = await running().linkTo("twice@example.com");
      await guest.post("/forgot", { who: "twice" });
      const second = await running().linkTo("twice@example.com");
      expect((await setPassword(guest, first)).status).toBe(404);
      expect((await guest.get(second)).status).toBe(200);

      const owner = await running().as("twice");
      await owner.post("/account/password", { current: PASSWORD, password: NEW_PASSWORD });
      expect((await setPassword(guest, second, "what a thief likes")).status).toBe(404);
      expect((await owner.get("/account")).status).toBe(200);
    });

    it("is set by one of two who send the form at once", async () => {
      await running().accounts("contested");
      const path = await link(running(), "password-reset", "contested");
      const passwords = ["what the owner likes", "what a thief likes"] as const;
      const answers = await Promise.all(passwords.map((password) => setPassword(running().guest(), path, password)));
      expect(answers.map(({ status }) => status).sort()).toEqual([303, 404]);
      const winner = passwords[answers.findIndex(({ status }) => status === 303)] ?? "";
      await running().guest().logIn("contested", winner);
    });

    it("leaves the link good where the new one does not do", async () => {
      await running().accounts("hasty");
      const path = await link(running(), "password-reset", "hasty");
      const guest = running().guest();
      const short = await setPassword(guest, path, "short");
      expect(short.status).toBe(422);
      expect(short.text).toContain("At least 12 characters");
      expect(short.text).not.toContain('value="short"');
      expect((await setPassword(guest, path)).status).toBe(303);
    });

    it("is not set with a link that has expired, is none, or is for something else", async () => {
      await running().accounts("patient");
      const thief = await running().as("patient");
      const old = await link(running(), "password-reset", "patient", { ttl: 1 });
      const guest = running().guest();
      // The clock of ioredis-mock is off by up to a second.
      await expect.poll(async () => (await guest.get(old)).status, { timeout: 10_000 }).toBe(404);
      const fresh = await link(running(), "password-reset", "patient");
      const others = [
        old,
        "/reset?token=",
        "/reset?token=x",
        `/reset?token=${thief.cookie.slice("session=".length)}`,
        `/reset?token=${tokenIn(fresh).slice(0, 27)}${"A".repeat(43)}`,
        await link(running(), "verify-email", "patient", { data: { email: "patient@example.com" } }),
        await link(running(), "password-reset", "nobody"),
      ];
      for (const path of others) {
        const answer = await setPassword(guest, path);
        expect([answer.status, answer.text.includes(DEAD)], path).toEqual([404, true]);
      }
      expect((await guest.get("/reset?token=a&token=b")).status).toBe(404);
      expect((await thief.get("/account")).status).toBe(200);
      expect((await guest.get(fresh)).status).toBe(200);
      await running().guest().logIn("patient", PASSWORD);
    });

    it("logs nobody in, and nobody else out who is logged in here", async () => {
      await running().accounts("absent");
      const path = await link(running(), "password-reset", "absent");
      const fan = await running().as("fan");
      const { status, location, headers } = await setPassword(fan, path);
      expect([status, location]).toEqual([303, "/?notice=password-reset"]);
      expect(headers.get("set-cookie")).toBeNull();
      expect((await fan.get("/account")).text).toContain("fan@example.com");
    });
  });

  describe("an address", () => {
    it("is asked to be confirmed after the sign-up, and is, on every device at once", async () => {
      const [phone, guest] = [running().guest(), running().guest()];
      await phone.post("/signup", { name: "newcomer", email: "newcomer@example.com", password: PASSWORD });
      const laptop = running().guest();
      const { token } = await running().blog.store.create({
        userId: "newcomer",
        claims: { user_name: "newcomer", email: "newcomer@example.com", email_verified: false, role: "member" },
      });
      laptop.cookie = `session=${token}`;
      for (const device of [phone, laptop]) expect((await device.get("/")).text).toContain("Confirm your address");
      expect((await (await running().as("fan")).get("/")).text).not.toContain("Confirm your address");

      const path = await running().linkTo("newcomer@example.com");
      // What follows the link without reading proves nothing.
      for (let look = 0; look < 2; look++) {
        const { status, text } = await guest.get(path);
        expect(status).toBe(200);
        expect(text).toMatch(/newcomer@example\.com.*newcomer</s);
      }
      expect((await running().blog.users.get("newcomer"))?.emailVerified).toBe(false);

      const confirm = () => guest.post("/verify", { token: tokenIn(path) });
      expect((await confirm()).location).toBe("/?notice=address-confirmed");
      expect((await running().blog.users.get("newcomer"))?.emailVerified).toBe(true);
      for (const device of [phone, laptop]) {
        const { text } = await device.get("/account");
        expect(text).not.toContain("Confirm your address");
        expect(text).toMatch(/newcomer@example\.com <span class="badge">Confirmed/);
      }
      const again = await confirm();
      expect([again.status, again.text.includes(DEAD)]).toEqual([404, true]);
    });

    it("is asked for once more with another link, five times an hour, and the last one stays good", async () => {
      await running().blog.users.create({ name: "eager", email: "eager@example.com", password: PASSWORD });
      const eager = await running().as("eager");
      const links: string[] = [];
      for (let times = 0; times < 5; times++) {
        expect((await eager.post("/account/verify")).location).toBe("/account?notice=link-sent");
        links.push(await running().linkTo("eager@example.com"));
      }
      const refused = await eager.post("/account/verify");
      expect(refused.status).toBe(429);
      expect(refused.text).toContain("We have sent you several mails within the hour");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3500);
      expect(await running().mailTo("eager@example.com")).toHaveLength(5);

      const [last = "", before = ""] = links.reverse();
      expect((await eager.get(before)).status).toBe(404);
      expect((await eager.post("/verify", { token: tokenIn(last) })).status).toBe(303);
    });

    it("is not confirmed with a link to another, or with one to a new password", async () => {
      await running().blog.users.create({ name: "moved", email: "new@example.com", password: PASSWORD });
      const guest = running().guest();
      const wrong = [
        await link(running(), "verify-email", "moved", { data: { email: "old@example.com" } }),
        await link(running(), "verify-email", "nobody", { data: { email: "new@example.com" } }),
        await link(running(), "password-reset", "moved"),
      ];
      for (const path of wrong) expect((await guest.post("/verify", { token: tokenIn(path) })).status).toBe(404);
      expect((await running().blog.users.get("moved"))?.emailVerified).toBe(false);
      expect(await running().blog.users.get("nobody")).toBeNull();
    });
  });

  it("keeps the token of a link out of every Referer, and the form's own origin in", async () => {
    const pages = [
      await link(running(), "password-reset", "fan"),
      await link(running(), "verify-email", "fan"),
      "/reset",
    ];
    for (const page of pages) {
      const { headers } = await running().guest().get(page);
      expect(headers.get("referrer-policy")).toBe("strict-origin");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });

  it("shows on a page what it would have mailed, with links that lead there, and says so", async () => {
    await running().accounts("lost");
    await running().guest().post("/forgot", { who: "lost" });
    const path = await running().linkTo("lost@example.com");
    const { text } = await running().guest().get("/mail");
    expect(text).toContain("Only in the demo.");
    expect(text).toContain(`<a href="${running().url}${path}">`);
    expect((await running().guest().get("/forgot/sent")).text).toContain('href="/mail"');
  });
});

describe("asking for a new password", () => {
  it("is answered before anybody has been written to", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const running = await startAlone({ mailer: { send: () => held } });
    await running.accounts("known");
    expect((await running.guest().post("/forgot", { who: "known" })).location).toBe("/forgot/sent");
    release();
    await running.blog.dispatch.settled();
  });

  it("writes five mails an hour, says nothing of the sixth, and leaves the last link good", async () => {
    const log: unknown[] = [];
    const running = await startAlone({ log: (error) => log.push(error) });
    await running.accounts("popular");
    const answers: Answer[] = [];
    for (let times = 0; times < 6; times++) answers.push(await running.guest().post("/forgot", { who: "popular" }));
    expect(answers.map(({ status, location }) => [status, location])).toEqual(Array(6).fill([303, "/forgot/sent"]));
    expect(await running.mailTo("popular@example.com")).toHaveLength(5);
    expect(log).toEqual([]);
    expect((await running.guest().get(await running.linkTo("popular@example.com"))).status).toBe(200);
  });

  it("stops at ten in a quarter of an hour, for an account and for none", async () => {
    const running = await startAlone();
    await running.accounts("known");
    const ask = (who: string) => running.guest().post("/forgot", { who });
    for (let times = 0; times < 10; times++) expect((await ask("nobody")).status).toBe(303);
    const [known, unknown] = [await ask("known"), await ask("nobody")];
    expect([known.status, known.text]).toEqual([unknown.status, unknown.text]);
    expect(known.status).toBe(429);
    expect(known.text).toContain("Too many tries");
    expect(Number(known.headers.get("retry-after"))).toBeGreaterThan(800);
    expect(await running.mailTo("known@example.com")).toEqual([]);
  });

  it("takes no empty form", async () => {
    const running = await startAlone();
    for (const who of ["", " ", "x".repeat(255)])
      expect((await running.guest().post("/forgot", { who })).status).toBe(422);
  });

  it("sends a link to the blog, wherever the request says that it is", async () => {
    const running = await startAlone({ origin: "https://blog.example" });
    await running.accounts("victim");
    const elsewhere = { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" };
    await running.guest().post("/forgot", { who: "victim" }, elsewhere);
    const [mail] = await running.mailTo("victim@example.com");
    expect(mail?.text).toMatch(/^https:\/\/blog\.example\/reset\?token=/m);
    expect(mail?.text).not.toContain("evil");
  });
});

describe("a mailer that fails", () => {
  it("does not stop a sign-up, tells nobody who has an account, and tells who asked for a link", async () => {
    const log: unknown[] = [];
    const send = () => Promise.reject(new Error("the mail server is away"));
    const running = await startAlone({ mailer: { send }, log: (error) => log.push(error) });
    const reader = running.guest();
    const form = { name: "newcomer", email: "newcomer@example.com", password: PASSWORD };
    expect((await reader.post("/signup", form)).location).toBe("/?notice=welcome");
    await running.blog.users.verifyEmail("newcomer", form.email);
    expect((await running.guest().post("/forgot", { who: "newcomer" })).location).toBe("/forgot/sent");
    expect((await reader.post("/account/verify")).status).toBe(500);
    await running.blog.dispatch.settled();
    expect(log.map(String)).toEqual(Array(3).fill("Error: the mail server is away"));
  });

  it("has no page on which everybody reads the mail", async () => {
    const running = await startAlone({ mailer: { send: async () => {} } });
    expect((await running.guest().get("/mail")).status).toBe(404);
    for (const path of ["/", "/forgot/sent"]) expect((await running.guest().get(path)).text).not.toContain("/mail");
  });
});

describe("isEmail", () => {
  it.each(["a@b", "max@example.com", "o'neil+news@mail.example.co.uk"])("takes %s", (text) => {
    expect(isEmail(text)).toBe(true);
  });

  // More than one recipient, a header of one's own, a name in front.
  it.each([
    ...["max", "@example.com", "max@", "a@b@c", "max@example..com", "max@-example.com", `${"x".repeat(251)}@b.c`],
    ...["a,b@example.com", "a@b,c@d", "a@b\nBcc: c@d", "a@b\r\n", "Max <max@example.com>", "max @example.com", ""],
  ])("does not take %j", (text) => {
    expect(isEmail(text)).toBe(false);
  });
});
