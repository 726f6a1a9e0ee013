/**
 * The micro-blog as `npm start` runs it, and what only a Redis of its own can show: an outage, and log-ins during which
 * the account changes.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOneTimeTokens } from "coatcheck/one-time";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { gated, interrupt, type Moment } from "../harness/gate.js";
import { startRedisServer } from "../harness/redis-server.js";
import { openRedis, PASSWORD, type RunningBlog, startBlog } from "./micro-blog-rig.js";
import { Visitor } from "./micro-blog-visitor.js";
import { startExample } from "./program.js";

function passwordOf(name: string, output: string): string {
  return new RegExp(`^Log in as ${name} \\(\\w+\\) with the password (\\S+)$`, "m").exec(output)?.[1] ?? "";
}

describe("npm start", () => {
  // Else a build would count as the time of the first test that needs it.
  beforeAll(ensureBuilt, 120_000);

  it("starts the micro-blog", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(scripts.start).toBe("node tools/example.mjs micro-blog");
  });

  it("starts with two accounts in memory, and a block fails the other's very next request", async () => {
    const server = await startExample("micro-blog");
    const logIn = (name: string) => new Visitor(server.url).logIn(name, passwordOf(name, server.output()));
    const [mia, max] = [await logIn("mia"), await logIn("max")];
    expect((await max.get("/devices")).status).toBe(200);
    expect((await mia.post("/moderation/max/block", { reason: "Demo" })).status).toBe(303);
    expect((await max.get("/devices")).status).toBe(401);
    await expect.poll(server.output).toContain(`session ${max.sessionId} of max ended: blocked`);

    const guest = new Visitor(server.url);
    await guest.post("/forgot", { who: "mia@example.com" });
    const mailbox = async () => (await guest.get("/mail")).text;
    await expect.poll(mailbox, { timeout: 10_000 }).toContain(`<a href="${server.url}/reset?token=`);
    const [, token = ""] = /reset\?token=([\w.-]+)"/.exec(await mailbox()) ?? [];
    expect((await guest.post("/reset", { token, password: "mia forgot the old one" })).status).toBe(303);
    expect((await mia.get("/moderation")).status).toBe(401);
    await guest.logIn("mia", "mia forgot the old one");
    // Neither a session's token nor a link's is in what it prints.
    expect(server.output()).not.toMatch(/[\w-]{43}/);

    expect(await server.stop()).toBe(0);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("keeps accounts and sessions in Redis, with passwords that are in no documentation", async () => {
    const { url: REDIS_URL } = await privateRedis();
    const first = await startExample("micro-blog", { REDIS_URL });
    const password = passwordOf("max", first.output());
    expect(password).toMatch(/^[\w-]{16}$/);
    const max = await new Visitor(first.url).logIn("max", password);
    await max.post("/posts", { text: "I will be back" });
    expect(await first.stop()).toBe(0);

    const second = await startExample("micro-blog", { REDIS_URL });
    expect(second.output()).not.toContain("password");
    const again = new Visitor(second.url);
    again.cookie = max.cookie;
    expect((await again.get("/devices")).status).toBe(200);
    expect((await again.get("/")).text).toContain("I will be back");
    expect(await second.stop()).toBe(0);
  });

  it("sends a cookie for HTTPS alone in production, and mails through a program", async () => {
    const folder = mkdtempSync(join(tmpdir(), "coatcheck-mail-"));
    afterFile(() => rmSync(folder, { recursive: true }));
    const [SENDMAIL, mail] = [join(folder, "sendmail"), join(folder, "mail")];
    // What it was asked for is complete before it has its name.
    writeFileSync(SENDMAIL, `#!/bin/sh\n{ echo "$@"; cat; } > ${mail}.part && mv ${mail}.part ${mail}\n`);
    chmodSync(SENDMAIL, 0o755);
    const production = { NODE_ENV: "production", ORIGIN: "https://blog.example" };
    const server = await startExample("micro-blog", { ...production, SENDMAIL, MAIL_FROM: "blog@blog.example" });
    const form = { name: "max", password: passwordOf("max", server.output()) };
    const { headers } = await new Visitor(server.url).post("/login", form);
    expect(headers.get("set-cookie")).toMatch(/^__Host-session=.*; HttpOnly; Secure; SameSite=Lax$/);
    expect(headers.get("strict-transport-security")).toContain("max-age=");

    await new Visitor(server.url).post("/forgot", { who: "max" });
    // All mails under way are sent before it ends.
    expect(await server.stop()).toBe(0);
    const [args, ...message] = readFileSync(mail, "utf8").split("\n");
    expect(args).toBe("-i -f blog@blog.example -- max@example.com");
    const text = message.join("\n");
    expect(text).toMatch(/^From: blog@blog\.example\nTo: max@example\.com\nSubject: .*\nDate: \w+, \d\d .* \+0000\n/);
    expect(text).toMatch(/\n\nHello max,\n\n.*\n\nhttps:\/\/blog\.example\/reset\?token=[\w.-]+\n\n/s);
  });

  it("does not start where its mails would be read by everybody, or be of no use", async () => {
    const wrong: [problem: string, env: Record<string, string>][] = [
      ["In production, set ORIGIN", { NODE_ENV: "production", SENDMAIL: "/bin/true", MAIL_FROM: "blog@blog.example" }],
      ["In production, set ORIGIN", { NODE_ENV: "production", ORIGIN: "https://blog.example" }],
      ["The sender of mails must be an e-mail address", { SENDMAIL: "/bin/true" }],
      ["ORIGIN must be an origin alone", { ORIGIN: "https://blog.example/" }],
    ];
    const starts = wrong.map(([problem, env]) => expect(startExample("micro-blog", env)).rejects.toThrow(problem));
    await Promise.all(starts);
  });
});

describe("without Redis", () => {
  it("says that it is away, within the deadline, and logs nobody out", async () => {
    const server = await privateRedis();
    const errors: unknown[] = [];
    const running = await startBlog(connect({ port: server.port }), { log: (error) => errors.push(error) });
    const reader = await running.as("fan");
    server.freeze();
    for (const [visitor, path] of [
      [reader, "/devices"],
      [running.guest(), "/"],
    ] as const) {
      const start = performance.now();
      const { status, headers, text } = await visitor.get(path);
      expect(status).toBe(503);
      expect(performance.now() - start).toBeLessThan(5000);
      expect(headers.get("retry-after")).toBe("1");
      expect(headers.get("set-cookie")).toBeNull();
      expect(text).toContain("Back in a moment");
    }
    expect(errors).toHaveLength(2);
    server.thaw();
    expect((await reader.get("/devices")).status).toBe(200);
  });
});

const MOMENTS: Moment[] = ["before", "after"];

describe("an account that changes during a log-in", () => {
  it.each(MOMENTS)("leaves no session with the old role: changed %s the session is made", async (moment) => {
    const { gate, running } = await startGated();
    await running.account("deputy", "moderator");
    const mia = await running.as("mia", "moderator");
    const demote = () => mia.post("/moderation/deputy/role", { role: "member" });
    const [deputy] = await interrupt(gate, "create", moment, () => running.logIn("deputy"), demote);
    expect((await deputy.get("/account")).status).toBe(200);
    expect((await deputy.get("/moderation")).status).toBe(403);
  });

  it.each(MOMENTS)("leaves no session with the old password: changed %s the session is made", async (moment) => {
    const { gate, running } = await startGated();
    await running.accounts("careful");
    const owner = await running.as("careful");
    const thief = running.guest();
    const [answer] = await interrupt(
      gate,
      "create",
      moment,
      () => thief.post("/login", { name: "careful", password: PASSWORD }),
      () => owner.post("/account/password", { current: PASSWORD, password: "another good one" }),
    );
    expect(answer.status).toBe(401);
    expect((await thief.get("/account")).status).toBe(401);
    expect(await running.blog.store.listForUser("careful")).toHaveLength(1);
    expect((await owner.get("/account")).status).toBe(200);
  });
});

describe("an account that is proved by mail during a log-in", () => {
  const mailed = async (running: RunningBlog, purpose: string, subject: string, data: object | null) =>
    (await createOneTimeTokens(running.redis, { purpose, ttl: 60_000 }).issue({ subject, data })).token;

  it.each(MOMENTS)("leaves no session of the old password: reset %s the session is made", async (moment) => {
    const { gate, running } = await startGated();
    await running.accounts("careful");
    const token = await mailed(running, "password-reset", "careful", null);
    const thief = running.guest();
    const [answer, reset] = await interrupt(
      gate,
      "create",
      moment,
      () => thief.post("/login", { name: "careful", password: PASSWORD }),
      () => running.guest().post("/reset", { token, password: "another good one" }),
    );
    expect([answer.status, reset.status]).toEqual([401, 303]);
    expect((await thief.get("/account")).status).toBe(401);
    expect(await running.blog.store.listForUser("careful")).toEqual([]);
  });

  it.each(MOMENTS)(
    "leaves no session without the confirmed address: confirmed %s the session is made",
    async (moment) => {
      const { gate, running } = await startGated();
      const account = { name: "newcomer", email: "newcomer@example.com" };
      await running.blog.users.create({ ...account, password: PASSWORD });
      const token = await mailed(running, "verify-email", account.name, { email: account.email });
      const confirm = () => running.guest().post("/verify", { token });
      const [reader] = await interrupt(gate, "create", moment, () => running.logIn("newcomer"), confirm);
      expect((await reader.get("/account")).text).toContain("Confirmed");
    },
  );
});

describe("two moderators who change a role at the same moment", () => {
  it("leave the sessions with the role that the account has", async () => {
    const { gate, running } = await startGated();
    await running.accounts("contested");
    const [mia, ben] = [await running.as("mia", "moderator"), await running.as("ben", "moderator")];
    const contested = await running.as("contested");
    const change = (moderator: Visitor, role: string) => moderator.post("/moderation/contested/role", { role });
    // The first has written "moderator" to the account and not yet to the session when the second demotes.
    await interrupt(
      gate,
      "updateUser",
      "before",
      () => change(mia, "moderator"),
      () => change(ben, "member"),
    );
    expect((await running.blog.users.get("contested"))?.role).toBe("member");
    expect((await contested.get("/moderation")).status).toBe(403);
  });
});

async function privateRedis() {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  return server;
}

/** The application on a client whose scripts can be stopped, with time to wait there. Its own commands go past the gate. */
async function startGated() {
  const redis = await openRedis();
  const gate = await gated(redis);
  return { gate, running: await startBlog(gate, { timeout: 10_000 }) };
}
