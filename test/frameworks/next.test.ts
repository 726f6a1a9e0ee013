/** docs/frameworks/next.md: its program, built by Next, over HTTP. */
import { expect, it } from "vitest";
import { Device } from "../examples/client.js";
import { describeRecipe } from "./describe-recipe.js";
import { expectLogInPage, openPage, sentTo } from "./visits.js";

/** Fills in the form of a page and sends it, as a browser without JavaScript does. */
async function submit(device: Device, base: string, path: string, fields: Record<string, string>, origin = base) {
  const { body } = await openPage(device, path);
  const [, form = ""] = /<form.*?>(.*?)<\/form>/s.exec(String(body)) ?? [];
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?/g)];
  const data = new FormData();
  for (const [, name = "", value = ""] of hidden) data.set(name, value.replaceAll("&amp;", "&"));
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return device.send("POST", path, { data, headers: { accept: "text/html", origin } });
}

describeRecipe(
  {
    name: "next",
    env: { COOKIE_INSECURE: "1", NEXT_TELEMETRY_DISABLED: "1" },
    build: ["node_modules/next/dist/bin/next", "build"],
    command: ["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1"],
    languages: ["ts", "tsx"],
    visits: {
      logIn: (device, user, options) => device.send("POST", "/api/login", { json: { user }, ...options }),
      logOut: (device, options) => device.send("POST", "/api/logout", options),
      me: (device, options) => device.send("GET", "/api/me", options),
      userIn: ({ body }) => (body as { user?: unknown }).user,
    },
  },
  (rig) => {
    it("sends a browser to the log-in page and back, by a proxy and a server action, and logs out by another", async () => {
      const { url } = rig().program;
      const device = await expectLogInPage(url, "/account", (from, path, user) => submit(from, url, path, { user }));
      expect((await openPage(device, "/account")).headers.get("cache-control")).toContain("no-store");
      const out = await submit(device, url, "/account", {});
      expect([out.status, sentTo(out, url), device.cookie]).toEqual([303, "/login", ""]);
      expect((await openPage(device, "/account")).status).toBe(303);
    });

    it("lets no server action of another site log in or out", async () => {
      const { url } = rig().program;
      const device = rig().device();
      await device.post("/api/login", { user: "ada" });
      const before = device.cookie;
      const foreign = await submit(device, url, "/account", {}, "https://evil.example");
      expect(foreign.status).toBeGreaterThanOrEqual(400);
      expect(device.cookie).toBe(before);
      expect((await device.get("/api/me")).status).toBe(200);
    });

    it("shows a blocked user the form again", async () => {
      const { url } = rig().program;
      await rig().store.blockUser("eve");
      const refused = await submit(new Device(url), url, "/login", { user: "eve" });
      expect([refused.status, sentTo(refused, url), refused.headers.getSetCookie()]).toEqual([
        ...[303, "/login?error=blocked", []],
      ]);
      expect((await openPage(new Device(url), "/login?error=blocked")).body).toContain("This account is blocked.");
    });
  },
);
