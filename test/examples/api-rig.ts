/** What the tests of the API share: APIs on one Redis, people with devices, and addresses to come from. */
import "./quick-scrypt.js";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Redis } from "ioredis";
import { expect } from "vitest";
import { type Api, type ApiOptions, buildApp } from "../../examples/api/app.js";
import type { Role } from "../../examples/api/sessions.js";
import { hashPassword } from "../../examples/passwords.js";
import { steadyMockClock } from "../harness/mock-clock.js";
import { Device } from "./client.js";

steadyMockClock();

export const PASSWORD = "correct horse battery";
export const HOME = "192.0.2.1";

export interface RunningApi {
  readonly api: Api;
  /** What the app's `error` event told. */
  readonly errors: unknown[];
  /** A device that is not logged in. */
  device(address?: string, userAgent?: string): Device;
  /** A device of the user, logged in. */
  logIn(name: string, address?: string, userAgent?: string): Promise<Device>;
}

let people = 0;

export class ApiRig {
  readonly redis: Redis;

  constructor(redis: Redis) {
    this.redis = redis;
  }

  /** Runs an API for one test. */
  async run(test: (running: RunningApi) => Promise<void>, options: Partial<ApiOptions> = {}): Promise<void> {
    const generous = { points: 1000, seconds: 60 };
    const { app, api } = buildApp({
      redis: this.redis,
      behindProxy: true,
      // ioredis-mock runs in this very process, which may be busy.
      timeout: 10_000,
      limit: generous,
      entranceLimit: generous,
      ...options,
    });
    const errors: unknown[] = [];
    app.on("error", (error) => errors.push(error));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const device: RunningApi["device"] = (address = HOME, userAgent = "test") =>
      new Device(url, { "x-forwarded-for": address, "user-agent": userAgent });
    const logIn: RunningApi["logIn"] = async (name, address, userAgent) => {
      const phone = device(address, userAgent);
      const { status, body } = await phone.post("/log-in", { name, password: PASSWORD });
      expect(status).toBe(200);
      phone.token = (body as { token: string }).token;
      return phone;
    };
    try {
      await test({ api, errors, device, logIn });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** A name that nobody has yet in this test file. */
  stranger(): string {
    people++;
    return `user-${people}`;
  }

  /** Somebody with an account, whose password is cheap to verify. Returns the name. */
  async person(role: Role = "member"): Promise<string> {
    const name = this.stranger();
    const password = await hashPassword(PASSWORD);
    await this.redis.hset(`api:user:${name}`, { password, role });
    return name;
  }
}
