/** docs/frameworks/trpc.md: its program, over HTTP. */
import { expect, it } from "vitest";
import type { Device, Reply, SendOptions } from "../examples/client.js";
import { describeRecipe } from "./describe-recipe.js";

const call = (device: Device, name: string, input: object | undefined, options: SendOptions = {}) =>
  device.send("POST", `/${name}`, { json: input ?? {}, ...options });
const me = (device: Device, options?: SendOptions) => device.send("GET", "/me", options);

/** The data in the answer to one call. */
const dataIn = ({ body }: Reply) => (body as { result?: { data?: { user?: unknown } } }).result?.data;

describeRecipe(
  {
    name: "trpc",
    visits: {
      logIn: (device, name, options) => call(device, "logIn", { name }, options),
      logOut: (device, options) => call(device, "logOut", undefined, options),
      me,
      userIn: (reply) => dataIn(reply)?.user,
    },
  },
  (rig) => {
    it("says with a code of tRPC's own what is wrong, and shows no stack", async () => {
      const { body } = await me(rig().device());
      expect(body).toMatchObject({
        error: { message: "Log in first", data: { code: "UNAUTHORIZED", httpStatus: 401, path: "me" } },
      });
      expect(JSON.stringify(body)).not.toContain("stack");
    });

    it("keeps the header Vary that tRPC sets, beside ours", async () => {
      const device = rig().device();
      await call(device, "logIn", { name: "ada" });
      expect((await me(device)).headers.get("vary")).toBe("trpc-accept, accept, Cookie");
    });

    it("sets the cookie of a log-in in a batch, and refuses it in a batch that is streamed", async () => {
      const device = rig().device();
      const json = { 0: { name: "ada" } };
      expect((await device.send("POST", "/logIn?batch=1", { json })).status).toBe(200);
      expect((await me(device)).status).toBe(200);
      const answer = await fetch(`${rig().program.url}/logIn?batch=1`, {
        method: "POST",
        headers: { "content-type": "application/json", "trpc-accept": "application/jsonl" },
        body: JSON.stringify(json),
      });
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(await answer.text()).toContain("so nothing was changed");
    });
  },
);
