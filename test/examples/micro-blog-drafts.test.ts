/** What somebody has written is not lost because their session has ended; and a demo says on its log-in page how to log in. */
import { describe, expect, it } from "vitest";
import { describeBlog, openRedis, startBlog } from "./micro-blog-rig.js";

const composed = (html: string) => /<textarea id="text"[^>]*>([^<]*)</.exec(html)?.[1];
const kept = (html: string) => /<textarea id="draft"[^>]*>([^<]*)</.exec(html)?.[1];
const nextOf = (html: string) => /name="next" value="([^"]*)"/.exec(html)?.[1]?.replaceAll("&amp;", "&") ?? "";

describeBlog((running) => {
  describe("a text that could not be posted", () => {
    it("is on the log-in page, and back in its field after the log-in", async () => {
      const writer = await running().as("writer");
      await running().blog.store.revokeAllForUser("writer");
      const refused = await writer.post("/posts", { text: "Half a <b>novel</b> & more" });
      expect([refused.status, kept(refused.text)]).toEqual([401, "Half a &lt;b&gt;novel&lt;/b&gt; &amp; more"]);
      const again = await running().as("writer");
      expect(composed((await again.get(nextOf(refused.text))).text)).toBe("Half a &lt;b&gt;novel&lt;/b&gt; &amp; more");
      expect((await again.get("/")).text).not.toContain("novel");
    });

    it("can be copied by whoever was blocked, and was not posted", async () => {
      await running().accounts("banned");
      const [writer, moderator] = [await running().as("banned"), await running().as("judge", "moderator")];
      await moderator.post("/moderation/banned/block", { reason: "Spam", duration: "day" });
      const refused = await writer.post("/posts", { text: "My last words" });
      expect([refused.status, kept(refused.text)]).toEqual([401, "My last words"]);
      expect(refused.text).toContain("a moderator has blocked this account");
      expect((await moderator.get("/")).text).not.toContain("My last words");
    });

    it("is nothing that another form brings along", async () => {
      const answer = await running().guest().post("/account/password", { text: "not a post" });
      expect([answer.status, kept(answer.text)]).toEqual([401, undefined]);
    });
  });

  describe("the log-in page", () => {
    it("names no account, unless it is a demo", async () => {
      expect((await running().guest().get("/login")).text).not.toContain("For a look");
      const demo = await startBlog(await openRedis(), {
        demo: [{ name: "mia", role: "moderator", password: "m & m" }],
      });
      expect((await demo.guest().get("/login")).text).toContain(
        "<strong>mia</strong> (moderator): <code>m &amp; m</code>",
      );
    });
  });
});
