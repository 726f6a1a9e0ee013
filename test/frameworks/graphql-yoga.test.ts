/** docs/frameworks/graphql-yoga.md: its program, over HTTP. */
import { expect, it } from "vitest";
import type { Device, Reply, SendOptions } from "../examples/client.js";
import { describeRecipe } from "./describe-recipe.js";

/** `accept`: what a client of GraphQL over HTTP asks for, or an older one. */
const ask = (device: Device, query: string, { headers, ...options }: SendOptions = {}, accept = "application/json") =>
  device.send("POST", "/graphql", { json: { query }, headers: { accept, ...headers }, ...options });
const dataIn = ({ body }: Reply) => (body as { data?: Record<string, unknown> | null }).data;

describeRecipe(
  {
    name: "graphql-yoga",
    visits: {
      logIn: (device, name, options) => ask(device, `mutation { logIn(name: "${name}") }`, options),
      logOut: (device, options) => ask(device, "mutation { logOut }", options),
      me: (device, options) => ask(device, "{ me }", options),
      userIn: (reply) => dataIn(reply)?.["me"],
    },
  },
  (rig) => {
    it("answers 401 and not 200, also beside a field that everybody may read, and says why", async () => {
      for (const accept of ["application/json", "application/graphql-response+json"]) {
        const answer = await ask(rig().device(), "{ visitor me }", {}, accept);
        const body = typeof answer.body === "string" ? JSON.parse(answer.body) : answer.body;
        expect([answer.status, body]).toMatchObject([
          401,
          {
            data: { visitor: null, me: null },
            errors: [{ message: "Log in first", extensions: { code: "UNAUTHENTICATED" } }],
          },
        ]);
      }
      expect(await ask(rig().device(), "{ visitor }")).toMatchObject({
        status: 200,
        body: { data: { visitor: null } },
      });
    });

    it("lets no other origin read an answer", async () => {
      const answer = await ask(rig().device(), "{ visitor }", { headers: { origin: "https://other.example" } });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    });
  },
);
