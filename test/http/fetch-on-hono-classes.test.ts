/**
 * coatcheck/fetch on the `Request` and `Response` that @hono/node-server puts in the place of Node's, for the whole process: so
 * these tests have a file of their own.
 */

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { describe, expect, it } from "vitest";
import { createFetchSessions, type RequestSession } from "../../src/fetch.js";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { listening } from "./contract/app.js";
import { startFetchOn } from "./subjects/fetch.js";
import { describeAdapterContract } from "./subjects/served.js";

describeAdapterContract("fetch on the classes of Hono's server", startFetchOn("Hono's"));

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const store = createSessionStore(redis, { prefix, timeout: 10_000 });
const http = createFetchSessions(store);

/** The answer of a server to somebody who is logged in. */
async function answerOf(handler: (session: RequestSession) => Response | Promise<Response>, method = "GET") {
  const answer = (request: Request) => http.handle(request, handler);
  const server = (await listening(createAdaptorServer({ fetch: answer }) as Server)) as Server;
  afterFile(() => {
    server.close();
    server.closeAllConnections();
  });
  const { token } = await store.create({ userId: "ada" });
  const { port } = server.address() as AddressInfo;
  return fetch(`http://127.0.0.1:${port}/`, { method, headers: { Cookie: `__Host-session=${token}` } });
}

describe("a response to somebody who is logged in", () => {
  it.each([
    ["a text", () => new Response("own"), "own"],
    ["JSON", () => Response.json({ own: true }), '{"own":true}'],
    ["bytes", () => new Response(new TextEncoder().encode("own")), "own"],
  ])("of %s keeps its length, and is no stream", async (_, make, body) => {
    const response = await answerOf((session) => {
      session.require();
      return make();
    });
    expect(response.headers.get("content-length")).toBe(String(body.length));
    expect(response.headers.get("transfer-encoding")).toBeNull();
    expect([response.headers.get("vary"), response.headers.get("cache-control")]).toEqual(["Cookie", "no-store"]);
    expect(await response.text()).toBe(body);
  });

  it("to HEAD says the same, without a body", async () => {
    const response = await answerOf((session) => {
      session.require();
      return new Response("own");
    }, "HEAD");
    expect(response.headers.get("content-length")).toBe("3");
    expect([response.headers.get("vary"), response.headers.get("cache-control")]).toEqual(["Cookie", "no-store"]);
    expect(await response.text()).toBe("");
  });

  it("that one handler gives to all requests has the cookie of none", async () => {
    const shared = new Response(null, { status: 204 });
    const mine = await answerOf(async (session) => {
      await session.rotate();
      return shared;
    });
    expect([mine.status, mine.headers.getSetCookie().length]).toEqual([204, 1]);
    const other = await answerOf((session) => {
      session.require();
      return shared;
    });
    expect([other.status, other.headers.getSetCookie()]).toEqual([204, []]);
  });
});
