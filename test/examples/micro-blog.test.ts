/** The story of the micro-blog over HTTP: readers write, like and retweet, and a moderator steps in. */
import { describe, expect, it } from "vitest";
import { describeBlog, PASSWORD } from "./micro-blog-rig.js";
import type { Answer, Visitor } from "./micro-blog-visitor.js";

describeBlog((running) => {
  describe("writing", () => {
    it("signs a reader up, and shows what they write to everybody", async () => {
      const reader = running().guest();
      const form = { name: "Nora", email: "nora@example.com", password: PASSWORD };
      expect(await reader.post("/signup", form)).toMatchObject({ status: 303, location: "/?notice=welcome" });
      expect((await reader.get("/account")).text).toContain("nora@example.com");
      const posted = await reader.post("/posts", { text: "My first <b>post</b>\r\nin two lines" });
      expect(posted).toMatchObject({ status: 303, location: "/" });
      const { text } = await running().guest().get("/");
      expect(text).toContain("My first &lt;b&gt;post&lt;/b&gt;\nin two lines");
      expect(text).toContain("<strong>nora</strong>");
      expect(text).not.toContain("nora@example.com");
    });

    it("likes and retweets, once for each reader, and takes it back", async () => {
      const [writer, fan] = [await running().as("writer"), await running().as("fan")];
      await writer.post("/posts", { text: "Like this" });
      const marks = async (reader: Visitor) => marksOf(await reader.get("/"), "Like this");
      const { id } = await marks(fan);
      for (let times = 0; times < 2; times++) {
        const liked = await fan.post(`/posts/${id}/like`, { like: "on", back: `/?page=1#post-${id}` });
        expect(liked).toMatchObject({ status: 303, location: `/?page=1#post-${id}` });
        await fan.post(`/posts/${id}/retweet`, { retweet: "on", back: "/" });
      }
      expect(await marks(fan)).toEqual({ id, like: ["true", 1], retweet: ["true", 1] });
      expect(await marks(writer)).toEqual({ id, like: ["false", 1], retweet: ["false", 1] });
      expect((await running().guest().get("/")).text).toMatch(/fan retweeted.*Like this.*Like this/s);

      await fan.post(`/posts/${id}/like`, { like: "off", back: "/" });
      await fan.post(`/posts/${id}/retweet`, { retweet: "off", back: "/" });
      expect(await marks(fan)).toEqual({ id, like: ["false", 0], retweet: ["false", 0] });
      expect((await running().guest().get("/")).text).not.toContain("fan retweeted");
    });

    it("lets nobody write, like or retweet who is not logged in", async () => {
      const writer = await running().as("writer");
      await writer.post("/posts", { text: "Look, do not touch" });
      const { id } = marksOf(await writer.get("/"), "do not touch");
      const guest = running().guest();
      for (const path of ["/posts", `/posts/${id}/like`, `/posts/${id}/retweet`]) {
        expect((await guest.post(path, { text: "By a guest", like: "on", retweet: "on" })).status).toBe(401);
      }
      const page = await writer.get("/");
      expect(page.text).not.toContain("By a guest");
      expect(marksOf(page, "do not touch")).toEqual({ id, like: ["false", 0], retweet: ["false", 0] });
    });

    it("keeps a draft that does not fit, and says why", async () => {
      const writer = await running().as("writer");
      const { status, text } = await writer.post("/posts", { text: `${"x".repeat(280)}<` });
      expect(status).toBe(422);
      expect(text).toContain("That is 281 characters; 280 fit.");
      expect(text).toContain(`${"x".repeat(280)}&lt;</textarea>`);
      expect((await writer.post("/posts", { text: " \n " })).status).toBe(422);
      expect((await writer.post("/posts", { text: "😀".repeat(280) })).status).toBe(303);
    });

    it("turns the page where there are more than 20 posts", async () => {
      const [writer, guest] = [await running().as("writer"), running().guest()];
      for (let number = 1; number <= 21; number++) await writer.post("/posts", { text: `Number ${number}.` });
      const newest = (await guest.get("/")).text;
      expect(newest).toContain("Number 21.");
      expect(newest).not.toContain("Number 1.");
      expect(newest).toContain('href="?page=2"');
      expect((await guest.get("/?page=2")).text).toContain("Number 1.");
      expect((await guest.get("/?page=1000")).text).toContain("There is nothing older.");
    });

    it.each(["0", "999999", "1x", "1:mia", "%2e%2e"])("answers 404 to a like of the post %s", async (id) => {
      const fan = await running().as("fan");
      expect((await fan.post(`/posts/${id}/like`, { like: "on" })).status).toBe(404);
      expect((await fan.post(`/posts/${id}/retweet`, { retweet: "on" })).status).toBe(404);
    });
  });

  describe("moderation", () => {
    const REASON = { reason: "Spam & <more>" };
    const moderator = () => running().as("mia", "moderator");

    it("fails the very next request of a blocked user on every device, and refuses the log-in with the reason", async () => {
      await running().accounts("troll");
      const [mia, phone, laptop] = [await moderator(), await running().logIn("troll"), await running().logIn("troll")];
      expect((await phone.get("/devices")).status).toBe(200);
      expect((await mia.post("/moderation/troll/block", REASON)).location).toBe("/moderation?notice=blocked");
      expect((await phone.post("/posts", { text: "One more" })).status).toBe(401);
      expect((await laptop.get("/devices")).status).toBe(401);
      expect((await running().guest().get("/")).text).not.toContain("One more");

      const refused = await running().guest().post("/login", { name: "troll", password: PASSWORD });
      expect(refused.status).toBe(403);
      expect(refused.text).toContain("This account is blocked. Reason: Spam &amp; &lt;more&gt;");
      // Whoever does not know the password learns of no block.
      const guess = await running().guest().post("/login", { name: "troll", password: "not the password" });
      expect(guess.status).toBe(401);
      expect(guess.text).not.toContain("is blocked");

      expect((await mia.get("/moderation")).text).toContain("Blocked until lifted: Spam &amp; &lt;more&gt;");
      expect((await mia.post("/moderation/troll/unblock")).location).toBe("/moderation?notice=unblocked");
      expect((await (await running().logIn("troll")).get("/devices")).status).toBe(200);
      expect((await phone.get("/devices")).status).toBe(401);
    });

    it("says until when a block holds that ends by itself", async () => {
      await running().accounts("lurker");
      await (await moderator()).post("/moderation/lurker/block", { ...REASON, duration: "hour" });
      const { text } = await running().guest().post("/login", { name: "lurker", password: PASSWORD });
      expect(text).toMatch(/This account is blocked until \d+ \w+ \d{4}, \d\d:\d\d UTC\. Reason/);
      const block = await running().blog.store.getBlock("lurker");
      expect(Number(block?.until) - Number(block?.since)).toBeGreaterThan(3_590_000);
      expect(Number(block?.until) - Number(block?.since)).toBeLessThan(3_610_000);
    });

    it("sees a new role with the very next request, without a new log-in", async () => {
      await running().accounts("deputy", "victim");
      const [mia, phone, laptop] = [await moderator(), await running().as("deputy"), await running().as("deputy")];
      expect((await phone.get("/moderation")).status).toBe(403);
      const change = (role: string) => mia.post("/moderation/deputy/role", { role });
      expect((await change("moderator")).location).toBe("/moderation?notice=role-changed");
      expect((await phone.get("/moderation")).status).toBe(200);
      expect((await laptop.get("/")).text).toContain('href="/moderation"');

      await change("member");
      expect((await phone.get("/moderation")).status).toBe(403);
      expect((await laptop.post("/moderation/victim/block", REASON)).status).toBe(403);
      expect(await running().blog.store.getBlock("victim")).toBeNull();
      expect((await laptop.get("/")).text).not.toContain('href="/moderation"');
      // The account has it too: the next log-in is a member's.
      await change("moderator");
      expect((await (await running().logIn("deputy")).get("/moderation")).status).toBe(200);
    });

    it.each([
      ["block", { reason: "Oops" }],
      ["role", { role: "member" }],
    ])("does not let moderators %s themselves", async (action, form) => {
      await running().account("mia", "moderator");
      const mia = await moderator();
      expect((await mia.post(`/moderation/mia/${action}`, form)).status).toBe(403);
      expect((await mia.get("/moderation")).status).toBe(200);
    });

    it("asks for a reason, a known role and a known user", async () => {
      await running().accounts("innocent");
      const mia = await moderator();
      expect((await mia.post("/moderation/innocent/block", { reason: " " })).status).toBe(422);
      expect((await mia.post("/moderation/innocent/role", { role: "admin" })).status).toBe(422);
      expect((await mia.post("/moderation/nobody/block", REASON)).status).toBe(404);
      expect(await running().blog.store.getBlock("innocent")).toBeNull();
      expect((await running().blog.users.get("innocent"))?.role).toBe("member");
    });

    it.each(["/moderation", "/moderation?page=2"])("shows %s to no guest and no member", async (path) => {
      expect((await running().guest().get(path)).status).toBe(401);
      expect((await (await running().as("fan")).get(path)).status).toBe(403);
    });
  });
});

/** What the first post with this text shows of likes and retweets, to a reader who is logged in. */
function marksOf({ text }: Answer, post: string) {
  const article = text.split("<article").find((part) => part.includes(post)) ?? "";
  const mark = (action: string) => {
    const pattern = new RegExp(`name="${action}"[^>]*aria-pressed="(\\w+)".*?</span>\\s*(\\d+)`, "s");
    const [, pressed, count] = pattern.exec(article) ?? [];
    return [pressed, Number(count)];
  };
  return { id: /\/posts\/(\d+)\/like/.exec(article)?.[1], like: mark("like"), retweet: mark("retweet") };
}
