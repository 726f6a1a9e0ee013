/** The tiny programs of the example adapters, on the embedded default. */
import { once } from "node:events";
import type { Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as hono from "../../examples/adapters/hono.js";
import * as nodeHttp from "../../examples/adapters/node-http.js";
import { send } from "./contract/client.js";

beforeEach(() => {
  vi.stubEnv("REDIS_URL", undefined);
  vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe.each([
  ["node-http", nodeHttp.main],
  ["hono", hono.main],
])("the program of %s.ts", (_, main) => {
  it("logs in, knows the user, and logs out", async () => {
    const server = main(0) as Server;
    if (!server.listening) await once(server, "listening");
    try {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("The program has no port.");
      const { port } = address;
      expect((await send(port, "GET", "/me")).status).toBe(401);

      const login = await send(port, "POST", "/login?user=ada");
      expect([login.status, login.json()]).toEqual([200, { user: "ada" }]);
      const [cookie] = login.cookies;
      expect(cookie).toMatchObject({ name: "session", httpOnly: true });
      const headers = { Cookie: `session=${cookie?.value}` };
      expect((await send(port, "GET", "/me", headers)).json()).toEqual({ user: "ada" });

      expect((await send(port, "POST", "/logout", headers)).status).toBe(200);
      const after = await send(port, "GET", "/me", headers);
      expect([after.status, after.json()]).toEqual([401, { error: "Log in first" }]);
      expect(console.log).toHaveBeenCalledWith(expect.stringContaining(`http://127.0.0.1:${port}`));
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
