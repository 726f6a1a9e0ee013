/** Accounts of the micro-blog over HTTP: sign-up, log-in, the devices of a user, and the change of a password. */
import { describe, expect, it } from "vitest";
import { describeBlog, openRedis, PASSWORD, startBlog } from "./micro-blog-rig.js";
import { Visitor } from "./micro-blog-visitor.js";
import { costs } from "./quick-scrypt.js";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile/15E148 Safari/604.1";

describeBlog((running) => {
  describe("devices", () => {
    it("lists them, marks this one, and signs one of the others out", async () => {
      await running().accounts("traveller");
      const phone = await new Visitor(running().url, IPHONE).logIn("traveller", PASSWORD);
      const laptop = await running().logIn("traveller");
      const { text } = await laptop.get("/devices");
      expect(text.match(/This device/g)).toHaveLength(1);
      expect(text).toMatch(/Firefox on Linux.*This device.*Safari on iOS/s);
      expect(text).toContain("iPhone OS 19_0");
      expect(text).toContain("127.0.0.1");
      expect(text).not.toMatch(/[\w-]{43}/);

      const [, end = ""] = /action="(\/devices\/[0-9A-Z]{26}\/end)"/.exec(text) ?? [];
      expect((await laptop.post(end)).location).toBe("/devices?notice=device-ended");
      expect((await phone.get("/devices")).status).toBe(401);
      expect((await laptop.get("/devices")).text).toContain("You are signed in nowhere else.");
      // A second click, on a page that is out of date.
      expect((await laptop.post(end)).location).toBe("/devices?notice=device-gone");
    });

    it("signs all the others out", async () => {
      const as = (name: string) => running().as(name);
      const [phone, tablet, laptop, other] = [await as("nomad"), await as("nomad"), await as("nomad"), await as("fan")];
      expect((await laptop.post("/devices/end-others")).location).toBe("/devices?notice=others-ended");
      expect((await phone.get("/devices")).status).toBe(401);
      expect((await tablet.get("/devices")).status).toBe(401);
      expect((await laptop.get("/devices")).status).toBe(200);
      expect((await other.get("/devices")).status).toBe(200);
    });

    it("does not let one user sign out another by the id of the session", async () => {
      const [victim, mallory] = [await running().as("victim"), await running().as("mallory")];
      const theirs = await mallory.post(`/devices/${victim.sessionId}/end`);
      const nobodys = await mallory.post("/devices/01ARZ3NDEKTSV4RRFFQ69G5FAV/end");
      expect([theirs.status, theirs.location]).toEqual([nobodys.status, nobodys.location]);
      expect((await victim.get("/devices")).status).toBe(200);
    });

    it("logs out where a device signs itself out", async () => {
      const reader = await running().as("fan");
      const thief = reader.copy();
      expect((await reader.post(`/devices/${reader.sessionId}/end`)).location).toBe("/login?notice=logged-out");
      expect(reader.cookie).toBe("");
      expect((await thief.get("/devices")).status).toBe(401);
    });
  });

  describe("an account", () => {
    it("gives this device a new token when the password changes, and ends all others", async () => {
      await running().accounts("careful");
      const [phone, laptop] = [await running().as("careful"), await running().as("careful")];
      const thief = laptop.copy();
      const change = (current: string, password: string) => laptop.post("/account/password", { current, password });
      expect((await change("not the password", "another good one")).text).toContain("That is not your password.");
      expect((await change(PASSWORD, "short")).text).toContain("At least 12 characters");
      expect((await phone.get("/account")).status).toBe(200);

      expect((await change(PASSWORD, "another good one")).location).toBe("/account?notice=password-changed");
      expect((await phone.get("/account")).status).toBe(401);
      expect((await thief.get("/account")).status).toBe(401);
      expect((await laptop.get("/account")).status).toBe(200);
      const old = await running().guest().post("/login", { name: "careful", password: PASSWORD });
      expect(old.status).toBe(401);
      await running().guest().logIn("careful", "another good one");
    });

    it("changes the password for one of two who give the old one at once", async () => {
      await running().accounts("contested");
      const [owner, thief] = [await running().as("contested"), await running().as("contested")];
      const change = (visitor: Visitor, password: string) =>
        visitor.post("/account/password", { current: PASSWORD, password });
      const answers = await Promise.all([change(owner, "what the owner likes"), change(thief, "what the thief likes")]);
      expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
      const states = [(await owner.get("/account")).status, (await thief.get("/account")).status];
      expect(states).toEqual(answers.map(({ status }) => (status === 303 ? 200 : 401)));
    });

    it("logs out, and the copy that somebody has stolen is dead too", async () => {
      const reader = await running().as("fan");
      const thief = reader.copy();
      expect((await thief.get("/account")).status).toBe(200);
      expect((await reader.post("/logout")).location).toBe("/login?notice=logged-out");
      expect(reader.cookie).toBe("");
      expect((await thief.get("/account")).status).toBe(401);
      // A log-out of nobody is one too.
      expect((await thief.post("/logout")).status).toBe(303);
    });

    it("starts a session of its own at log-in, whatever cookie came with it", async () => {
      await running().accounts("cautious");
      const mallory = await running().as("mallory");
      const victim = mallory.copy();
      await victim.logIn("cautious", PASSWORD);
      expect(victim.cookie).not.toBe(mallory.cookie);
      expect((await victim.get("/account")).text).toContain("cautious@example.com");
      expect((await mallory.get("/account")).status).toBe(401);

      const planted = `session=01ARZ3NDEKTSV4RRFFQ69G5FAV.${"A".repeat(43)}`;
      victim.cookie = planted;
      await victim.logIn("cautious", PASSWORD);
      expect(victim.cookie).not.toBe(planted);
    });

    it("says the same of a wrong password and of a name that nobody has, after the same work", async () => {
      await running().accounts("known");
      const attempt = async (name: string) => {
        costs.length = 0;
        const { status, text } = await running().guest().post("/login", { name, password: "not the password" });
        return { status, text: text.replaceAll(name, "…"), costs: [...costs] };
      };
      const [known, unknown, impossible] = [
        await attempt("known"),
        await attempt("unknown"),
        await attempt("no: name"),
      ];
      expect(known).toMatchObject({ status: 401, costs: [{ N: 16384, r: 8, p: 5 }] });
      for (const other of [unknown, impossible]) expect(other).toEqual(known);
    });

    it("stops at ten wrong passwords, also at once, for this name alone", async () => {
      await running().accounts("target", "bystander");
      const guess = (password: string) => running().guest().post("/login", { name: "target", password });
      const guesses = await Promise.all(Array.from({ length: 12 }, () => guess("not the password")));
      expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10);
      const refused = await guess(PASSWORD);
      expect(refused.status).toBe(429);
      expect(refused.text).toContain("Too many tries");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(800);
      await running().logIn("bystander");
    });

    it.each([
      ["a name that is taken", { name: "Taken" }, "That name is taken."],
      ["a name with a space", { name: "my fan" }, "2 to 20 letters"],
      ["a name with a colon", { name: "x:likes" }, "2 to 20 letters"],
      ["an address that is none", { email: '"><script>' }, "An e-mail address looks like"],
      ["a short password", { password: "eleven char" }, "At least 12 characters"],
      ["a password that is the name", { name: "abcd", password: "abcdABCDabcd" }, "That is your name."],
    ])("does not sign up %s", async (_, wrong, problem) => {
      await running().accounts("taken");
      const form = { name: "newcomer", email: "new@example.com", password: PASSWORD, ...wrong };
      const reader = running().guest();
      const { status, text } = await reader.post("/signup", form);
      expect(status).toBe(422);
      expect(text).toContain(problem);
      expect(text).not.toContain("<script>");
      expect(text).not.toContain(form.password);
      expect(reader.cookie).toBe("");
      expect(await running().blog.users.get("newcomer")).toBeNull();
    });

    it("gives a name to one of two who sign up with it at once", async () => {
      const signUp = () =>
        running().guest().post("/signup", { name: "twins", email: "twins@example.com", password: PASSWORD });
      const answers = await Promise.all([signUp(), signUp()]);
      expect(answers.map(({ status }) => status).sort()).toEqual([303, 422]);
    });
  });
});

describe("a log-in that is too long ago", () => {
  it("has to be proved anew before devices are signed out, in the same session with a new token", async () => {
    const { blog, url } = await startBlog(await openRedis(), { freshWithin: 1 });
    await blog.users.create({ name: "ada", email: "ada@example.com", password: PASSWORD });
    const phone = await new Visitor(url).logIn("ada", PASSWORD);
    const laptop = await new Visitor(url).logIn("ada", PASSWORD);
    const thief = laptop.copy();
    const before = await blog.store.find(laptop.sessionId);
    // By the clock of Redis, which has more than one tick between these requests.
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const path of ["/devices/end-others", `/devices/${phone.sessionId}/end`]) {
      const asked = await laptop.post(path, {}, { referer: `${url}/devices` });
      expect(asked.status).toBe(401);
      expect(asked.text).toContain("Is it still you?");
      expect(asked.text).toContain('name="next" value="/devices"');
    }
    expect((await phone.get("/devices")).status).toBe(200);

    const wrong = await laptop.post("/confirm", { password: "not the password", next: "/devices" });
    expect(wrong.status).toBe(401);
    expect(wrong.text).toContain("That is not your password.");
    expect((await blog.store.find(laptop.sessionId))?.authenticatedAt).toBe(before?.authenticatedAt);

    expect((await laptop.post("/confirm", { password: PASSWORD, next: "/devices" })).location).toBe("/devices");
    const after = await blog.store.find(laptop.sessionId);
    expect(Number(after?.authenticatedAt)).toBeGreaterThan(Number(before?.authenticatedAt));
    expect((await thief.get("/devices")).status).toBe(401);
    expect((await laptop.get("/devices")).status).toBe(200);
  });
});
