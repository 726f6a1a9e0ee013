/** The log-in page of the micro-blog tells why somebody was signed out: whoever holds the token of the session, and nobody else. */
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { describeBlog, PASSWORD } from "./micro-blog-rig.js";
import type { Visitor } from "./micro-blog-visitor.js";

const ELSEWHERE = "You were signed out of this device from another one";
const noticeOf = async (visitor: Visitor, path = "/login") =>
  /<p class="notice" role="status">([^<]*)<\/p>/.exec((await visitor.get(path)).text)?.[1];

describeBlog((running) => {
  describe("the log-in page", () => {
    it("says that a moderator has blocked the account, and why", async () => {
      await running().accounts("spammer");
      const [reader, moderator] = [await running().as("spammer"), await running().as("judge", "moderator")];
      expect(await noticeOf(reader, "/account")).toBeUndefined();
      await moderator.post("/moderation/spammer/block", { reason: "Spam & lies", duration: "day" });
      const text = "You were signed out, because a moderator has blocked this account. Reason: Spam &amp; lies";
      expect(await noticeOf(reader)).toBe(text);
      // Where the guards send people, and where a form is refused.
      expect(await noticeOf(reader, "/login?returnTo=%2Faccount")).toBe(text);
      expect((await reader.post("/posts", { text: "more spam" })).text).toContain(text);
      expect(await noticeOf(running().guest(), "/login?returnTo=%2Faccount")).toMatch(/^Log in to go on/);
    });

    it("shortens a reason that is longer than a note", async () => {
      await running().accounts("windbag");
      const [reader, moderator] = [await running().as("windbag"), await running().as("judge", "moderator")];
      await moderator.post("/moderation/windbag/block", { reason: "w".repeat(200), duration: "day" });
      expect(await noticeOf(reader)).toMatch(/Reason: w{63}…$/);
    });

    it("says that this device was signed out from another one, alone or with all", async () => {
      const [phone, tablet, laptop] = [
        await running().as("nomad"),
        await running().as("nomad"),
        await running().as("nomad"),
      ];
      await laptop.post(`/devices/${phone.sessionId}/end`);
      expect(await noticeOf(phone)).toBe(`${ELSEWHERE}.`);
      await laptop.post("/devices/end-others");
      expect(await noticeOf(tablet)).toBe(`${ELSEWHERE}, together with all others.`);
    });

    it("says that the password was changed, by hand or by a link", async () => {
      await running().accounts("careful");
      const changed = "You were signed out, because the password of this account was changed.";
      const [phone, laptop] = [await running().as("careful"), await running().as("careful")];
      const form = { current: PASSWORD, password: "a better horse battery" };
      expect((await laptop.post("/account/password", form)).location).toMatch(/password-changed/);
      expect(await noticeOf(phone)).toBe(changed);
      await running().guest().post("/forgot", { who: "careful" });
      const link = await running().linkTo("careful@example.com");
      const token = new URL(link, "http://blog.example").searchParams.get("token") ?? "";
      await running().guest().post("/reset", { token, password: "the best horse battery" });
      expect(await noticeOf(laptop)).toBe(changed);
    });

    it("says that this device was pushed out by the limit of sessions", async () => {
      const first = await running().as("everywhere");
      // Of sessions that are created in the same ms, none is the oldest.
      await setTimeout(5);
      for (let i = 0; i < 50; i++) await running().as("everywhere");
      expect(await noticeOf(first)).toMatch(/logged in on too many other devices/);
    });

    it("says nothing of it after a log-in, a log-out, and a wrong password", async () => {
      await running().accounts("fan");
      const reader = await running().as("fan");
      const thief = reader.copy();
      await reader.post("/logout");
      expect(await noticeOf(reader)).toBeUndefined();
      // Who has copied the cookie is signed out from elsewhere.
      expect(await noticeOf(thief)).toBe(`${ELSEWHERE}.`);
      const refused = await thief.post("/login", { name: "fan", password: "wrong horse battery" });
      expect(refused.status).toBe(401);
      expect(refused.text).not.toContain(ELSEWHERE);
      await thief.logIn("fan", PASSWORD);
      expect((await thief.get("/account")).text).not.toContain(ELSEWHERE);
    });
  });
});
