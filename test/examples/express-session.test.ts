/** examples/express-session, started as its README says: what it counts, and what it does when requests overlap. */
import { once } from "node:events";
import { type ClientRequest, request } from "node:http";
import { beforeAll, describe, expect, it } from "vitest";
import { afterFile, connect, keysUnder } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Device } from "./client.js";
import { type Program, startExample } from "./program.js";

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
let program: Program;
let embedded: Program;

// A build may come before.
beforeAll(async () => {
  [program, embedded] = await Promise.all([
    startExample("express-session", { REDIS_URL: server.url, NODE_ENV: "development" }),
    startExample("express-session", { NODE_ENV: "development" }),
  ]);
}, 120_000);

/** Begins an upload. Once this resolves, the server has loaded the session and waits for the rest of the body. */
async function beginUpload(device: Device, name: string): Promise<Upload> {
  const headers = { cookie: device.cookie };
  const upload = new Upload(request(`${program.url}/files/${name}`, { method: "PUT", headers, agent: false }));
  await upload.received("receiving\n");
  return upload;
}

class Upload {
  readonly #request: ClientRequest;
  #answer = "";
  #heard = () => {};
  readonly #ended: Promise<unknown>;

  constructor(sent: ClientRequest) {
    this.#request = sent;
    this.#ended = once(sent, "response").then(async ([response]) => {
      for await (const chunk of response) {
        this.#answer += chunk;
        this.#heard();
      }
    });
    sent.write("half ");
  }

  async received(text: string): Promise<void> {
    while (!this.#answer.includes(text)) await new Promise<void>((resolve) => (this.#heard = resolve));
  }

  /** Sends the rest. Resolves with the whole answer when the server has saved the session. */
  async finish(): Promise<string> {
    this.#request.end("done");
    await this.#ended;
    return this.#answer;
  }
}

const visit = async (device: Device) => (await device.get("/")).body;

describe.each(["Redis", "ioredis-mock"])("with its sessions in %s", (where) => {
  const device = () => new Device((where === "Redis" ? program : embedded).url);

  it("counts the views of each browser", async () => {
    const [one, other] = [device(), device()];
    expect([await visit(one), await visit(one), await visit(other), await visit(one)]).toEqual([
      { views: 1 },
      { views: 2 },
      { views: 1 },
      { views: 3 },
    ]);
  });

  it("ends the session at the log-out, also for whoever has kept the cookie", async () => {
    const browser = device();
    await visit(browser);
    const thief = { headers: { cookie: browser.cookie } };
    expect((await browser.post("/log-out")).status).toBe(204);
    expect((await device().get("/", thief)).body).toEqual({ views: 1 });
    expect((await device().get("/", thief)).body).toEqual({ views: 1 });
  });
});

describe("requests that overlap", () => {
  it("keep what each of them has set, and count one of their views", async () => {
    const device = new Device(program.url);
    await visit(device);
    const names = Array.from({ length: 20 }, (_, at) => `part-${at}`);
    const uploads = await Promise.all(names.map((name) => beginUpload(device, name)));
    for (const upload of uploads) expect(await upload.finish()).toBe("receiving\n9 bytes\n");
    expect((await device.get("/files")).body).toEqual(Object.fromEntries(names.map((name) => [name, 9])));
    // All of them had read 1, and have stored 2; the list of files was the third view.
    expect(await visit(device)).toEqual({ views: 4 });
  });

  it("do not bring a session back that was logged out meanwhile", async () => {
    const device = new Device(program.url);
    await visit(device);
    const before = await keysUnder(redis, "sess:");
    const kept = device.cookie;
    const upload = await beginUpload(device, "late");
    expect((await device.post("/log-out")).status).toBe(204);
    expect(await upload.finish()).toBe("receiving\n9 bytes\n");
    expect((await keysUnder(redis, "sess:")).length).toBe(before.length - 1);
    expect((await new Device(program.url).get("/files", { headers: { cookie: kept } })).body).toEqual({});
  });
});

describe("without Redis", () => {
  it("answers 503, and gives nobody another session", async () => {
    const device = new Device(program.url);
    await visit(device);
    await server.kill();
    try {
      const { status, headers } = await device.get("/");
      expect(status).toBe(503);
      expect(headers.getSetCookie()).toEqual([]);
    } finally {
      await server.restart();
    }
  });
});
