/** docs/frameworks/nitro.md: its program, built by Nitro, over HTTP. */
import { expect, it } from "vitest";
import { describeRecipe } from "./describe-recipe.js";
import { freePort } from "./free-port.js";
import { expectLogInPage, openPage, sendForm } from "./visits.js";

// Nitro takes a port of 0 for none.
const port = await freePort();
const origin = `http://127.0.0.1:${port}`;

describeRecipe(
  {
    name: "nitro",
    env: { COOKIE_INSECURE: "1", HOST: "127.0.0.1", PORT: String(port) },
    build: ["node_modules/nitro/dist/cli/index.mjs", "build"],
    command: [".output/server/index.mjs"],
    visits: {
      logIn: (device, user, options) => device.send("POST", "/login", { form: { user }, ...options }),
      logOut: (device, options) => device.send("POST", "/logout", options),
      me: (device, options) => device.send("GET", "/account", options),
      userIn: ({ body }) => (body as { user?: unknown }).user,
      logInStatus: 303,
    },
  },
  (rig) => {
    it("sends a browser to the log-in page and back, and answers what it is not allowed with 403", async () => {
      const device = await expectLogInPage(origin, "/account", (from, path, user) =>
        sendForm(from, origin, path, { user }),
      );
      const admin = await device.get("/admin");
      expect([admin.status, admin.body]).toEqual([403, "This session is not allowed to do that"]);
    });

    it("sends what Nitro and the application add to a response, once, beside what coatcheck adds", async () => {
      const stranger = await rig().device().send("POST", "/theme");
      expect([stranger.status, stranger.headers.get("vary")]).toEqual([401, "Cookie"]);
      const device = rig().device();
      await device.send("POST", "/login", { form: { user: "ada" } });
      const themed = await device.send("POST", "/theme");
      expect([themed.status, themed.headers.getSetCookie()]).toEqual([200, ["theme=dark; Path=/"]]);
      const account = await device.get("/account");
      // Nitro's own, because clients compress.
      expect(account.headers.get("vary")?.toLowerCase().split(", ")).toEqual(["accept-encoding", "cookie"]);
      expect([(await openPage(device, "/missing")).status, (await device.get("/account")).status]).toEqual([404, 200]);
    });
  },
);
