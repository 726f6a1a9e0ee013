/** The tiny program of the example adapter, on the embedded default. */
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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

describe("the program of node-http.ts", () => {
  it("logs in, knows the user, and logs out", async () => {
    const server = nodeHttp.main(0);
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
