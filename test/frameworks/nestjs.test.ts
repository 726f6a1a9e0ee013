/** docs/frameworks/nestjs.md: its program on both platforms, over HTTP. */
import { expect, it } from "vitest";
import { describeRecipe, type Visits } from "./describe-recipe.js";
import { expectLogInPage, sendForm } from "./visits.js";

const visits: Visits = {
  logIn: (device, name, options) => device.send("POST", "/log-in", { json: { name }, ...options }),
  logOut: (device, options) => device.send("POST", "/log-out", options),
  me: (device, options) => device.send("GET", "/me", options),
  userIn: ({ body }) => (body as { user?: unknown }).user,
};

for (const platform of ["express", "fastify"]) {
  const command = ["--import", "tsx", `${platform}.ts`];
  describeRecipe({ name: "nestjs", title: `NestJS on ${platform}`, command, visits }, (rig) => {
    it("answers with what the error says", async () => {
      const { status, body } = await visits.me(rig().device());
      expect([status, body]).toEqual([401, { statusCode: 401, message: "Log in first" }]);
    });

    it("sends a browser to the log-in page and back", async () => {
      const { url } = rig().program;
      await expectLogInPage(url, "/account", (from, path, name) => sendForm(from, url, path, { name }));
      const script = await rig()
        .device()
        .get("/account", { headers: { accept: "application/json" } });
      expect([script.status, script.headers.get("location")]).toEqual([401, null]);
    });

    it("tells who lacks a claim 403", async () => {
      const device = rig().device();
      await visits.logIn(device, "ada");
      expect((await device.get("/admin")).status).toBe(403);
    });
  });
}
