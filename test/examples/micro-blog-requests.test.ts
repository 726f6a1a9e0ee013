/** What reaches the micro-blog from elsewhere, and what it tells browsers: other sites, return paths, headers, errors. */
import { describe, expect, it } from "vitest";
import { localPath } from "../../examples/micro-blog/forms.js";
import { type Content, html } from "../../examples/micro-blog/html.js";
import { describeBlog } from "./micro-blog-rig.js";

const ELSEWHERE = [
  "//evil.example/",
  "/\\evil.example/",
  "/\t/evil.example/",
  "/.//evil.example/",
  "/x/..//evil.example/",
  "https://evil.example/",
  "javascript:alert(1)",
  "\\\\evil.example",
  "//",
  "",
];

describeBlog((running) => {
  it.each([
    ["another site", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
    ["another port of this host", { origin: "http://127.0.0.1:1", "sec-fetch-site": "same-site" }],
  ])("refuses a form from %s, and a log-in from there", async (_, headers) => {
    const reader = await running().as("fan");
    const { status, text } = await reader.post("/posts", { text: "Not mine" }, headers);
    expect(status).toBe(403);
    expect(text).toContain("That form came from another site");
    expect((await reader.post("/logout", {}, headers)).status).toBe(403);
    expect((await reader.get("/")).text).not.toContain("Not mine");

    await running().accounts("mallory");
    const victim = running().guest();
    const logIn = { name: "mallory", password: "correct horse battery" };
    expect((await victim.post("/login", logIn, headers)).status).toBe(403);
    expect(victim.cookie).toBe("");
  });

  it.each(ELSEWHERE)("leads to the timeline where the return path is %j", async (next) => {
    const reader = await running().as("fan");
    expect((await reader.get(`/login?returnTo=${encodeURIComponent(next)}`)).location).toBe("/");
    const liked = await reader.post("/posts", { text: "Here" });
    expect(liked.status).toBe(303);
    const [, id] = /\/posts\/(\d+)\/like/.exec((await reader.get("/")).text) ?? [];
    expect((await reader.post(`/posts/${id}/like`, { like: "on", back: next })).location).toBe("/");
  });

  it("leads back to the page that asked for the log-in", async () => {
    await running().account("mia", "moderator");
    const reader = running().guest();
    const { status, text } = await reader.get("/moderation?page=2");
    expect(status).toBe(401);
    const [, next = ""] = /name="next" value="([^"]*)"/.exec(text) ?? [];
    expect(next).toBe("/moderation?page=2");
    await reader.logIn("mia", "correct horse battery", next);
  });

  it("shows no notice but its own", async () => {
    const guest = running().guest();
    expect((await guest.get("/?notice=logged-out")).text).toContain("You are logged out.");
    for (const notice of ["<b>", "toString", "__proto__"]) {
      expect((await guest.get(`/?notice=${encodeURIComponent(notice)}`)).text).not.toContain('class="notice"');
    }
  });

  it.each([
    [404, "/nowhere", undefined],
    [404, "/.env", undefined],
    [404, "/../app.ts", undefined],
    [413, "/login", { name: "x".repeat(20_000) }],
  ])("answers %i to %s with a page", async (status, path, form) => {
    const guest = running().guest();
    const answer = await (form === undefined ? guest.get(path) : guest.post(path, form));
    expect(answer.status).toBe(status);
    expect(answer.text).toContain("To the timeline");
  });

  it("lets no browser run another's script, frame a page, or keep one", async () => {
    const [reader, guest] = [await running().as("fan"), running().guest()];
    for (const path of ["/", "/devices", "/account", "/login", "/nowhere"]) {
      for (const { headers } of [await reader.get(path), await guest.get(path)]) {
        const policy = headers.get("content-security-policy");
        expect(policy).toContain("default-src 'none'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).toContain("script-src 'self';");
        expect(policy).not.toContain("unsafe");
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("x-powered-by")).toBeNull();
        expect(headers.get("cache-control")).toBe("no-store");
      }
    }
    expect((await guest.get("/style.css")).headers.get("content-type")).toContain("text/css");
  });
});

describe("localPath", () => {
  it.each(ELSEWHERE)("does not lead to %j", (path) => {
    expect(localPath(path)).toBe("/");
  });

  it.each(["/", "/devices", "/moderation?page=2", "/?page=1#post-7", "/a//b"])("leads to %s", (path) => {
    expect(localPath(path)).toBe(path);
  });
});

describe("html", () => {
  it("escapes everything but HTML", () => {
    const list: Content[] = ["<i>", html`<b>${"&"}</b>`, 0, null, undefined, false];
    expect(html`<p title="${`"'>`}">${list}</p>`.toString()).toBe(
      '<p title="&quot;&#39;&gt;">&lt;i&gt;<b>&amp;</b>0</p>',
    );
  });

  it("takes nothing for HTML that only looks like it", () => {
    const lookalike = JSON.parse('{"length":1,"0":"<i>","map":"<i>"}') as string[];
    expect(() => html`${lookalike}`).toThrow(TypeError);
  });
});
