/** docs/frameworks/h3.md: its program, over HTTP. */
import { expect, it } from "vitest";
import { describeRecipe } from "./describe-recipe.js";
import { expectLogInPage, sendForm } from "./visits.js";

describeRecipe(
  {
    name: "h3",
    env: { COOKIE_INSECURE: "1" },
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
      const { url } = rig().program;
      const device = await expectLogInPage(url, "/account", (from, path, user) => sendForm(from, url, path, { user }));
      const admin = await device.get("/admin");
      expect([admin.status, admin.body]).toEqual([403, "This session is not allowed to do that"]);
    });
  },
);
