/** docs/frameworks/sveltekit.md: its program, built by Vite, over HTTP. */
import { expect, it } from "vitest";
import { Device } from "../examples/client.js";
import { describeRecipe } from "./describe-recipe.js";
import { freePort } from "./free-port.js";
import { expectLogInPage, openPage, sendForm, sentTo } from "./visits.js";

// SvelteKit compares the origin of forms with its own, and has to be told that.
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;

describeRecipe(
  {
    name: "sveltekit",
    env: { COOKIE_INSECURE: "1", HOST: "127.0.0.1", PORT: String(port), ORIGIN: origin },
    build: ["node_modules/vite/bin/vite.js", "build"],
    command: ["build/index.js"],
    visits: {
      logIn: (device, user, options) => device.send("POST", "/api/login", { json: { user }, ...options }),
      logOut: (device, options) => device.send("POST", "/api/logout", options),
      me: (device, options) => device.send("GET", "/api/me", options),
      userIn: ({ body }) => (body as { user?: unknown }).user,
    },
  },
  (rig) => {
    it("sends a browser to the log-in page and back, and logs out with a form", async () => {
      const device = await expectLogInPage(origin, "/account", (from, path, user) =>
        sendForm(from, origin, path, { user }),
      );
      expect((await openPage(device, "/account")).body).toContain("ada is a member");
      const out = await sendForm(device, origin, "/logout", {});
      expect([out.status, sentTo(out, origin), device.cookie]).toEqual([303, "/login", ""]);
      expect((await openPage(device, "/account")).status).toBe(303);
    });

    it("answers the log-in of a blocked user with the form again, and prints no stack for it", async () => {
      await rig().store.blockUser("eve");
      const before = rig().program.output().length;
      const refused = await sendForm(new Device(origin), origin, "/login", { user: "eve" });
      expect([refused.status, refused.body]).toEqual([403, expect.stringContaining("The user is blocked")]);
      expect(rig().program.output().slice(before)).toBe("");
    });
  },
);
