/** What every recipe must do, whatever its framework: the same visits over HTTP, in the way of each. */
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { Device, type Reply, type SendOptions } from "../examples/client.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { Recipe, type Running } from "./recipe.js";

/** A recipe's requests. Each may get headers to send along. */
export interface Visits {
  readonly logIn: (device: Device, user: string, options?: SendOptions) => Promise<Reply>;
  readonly logOut: (device: Device, options?: SendOptions) => Promise<Reply>;
  /** The guarded route. */
  readonly me: (device: Device, options?: SendOptions) => Promise<Reply>;
  /** Who is logged in, in an answer of `me`. */
  readonly userIn: (reply: Reply) => unknown;
  /** What a log-in is answered with. Default: 200. */
  readonly logInStatus?: number;
}

export interface RecipeOptions {
  /** Its folder in examples/frameworks, and its page. */
  readonly name: string;
  /** Told apart where one recipe is run in several ways. */
  readonly title?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  /** A command that runs before the program starts. The package is then a copy, as from a registry, and not a link. */
  readonly build?: readonly string[];
  readonly languages?: readonly string[];
  readonly visits: Visits;
}

/** What a test of the recipe's own may need. */
export interface Rig {
  readonly recipe: Recipe;
  readonly program: Running;
  /** On the same sessions as the program. */
  readonly store: SessionStore;
  device(): Device;
}

/** Holds a recipe to what its page promises. `own`: tests of its own. */
export function describeRecipe(options: RecipeOptions, own?: (rig: () => Rig) => void): void {
  const { name, title = name, env = {}, command, build, languages, visits } = options;
  describe(`the recipe for ${title}`, async () => {
    let rig: Rig;
    const redisServer = await startRedisServer();
    afterFile(() => redisServer.stop());
    const store = createSessionStore(connect({ port: redisServer.port }), { timeout: 10_000 });
    beforeAll(async () => {
      const recipe = await Recipe.install(name);
      if (build !== undefined) {
        recipe.copyPackage();
        await recipe.run(build, env);
      }
      const program = await recipe.start({ REDIS_URL: redisServer.url, ...env }, command);
      rig = { recipe, program, store, device: () => new Device(program.url) };
    });

    it("compiles, and its page shows what is in it", async () => {
      expect(rig.recipe.strayCode(languages)).toEqual([]);
      expect(await rig.recipe.typeCheck()).toBe("");
    });

    it("logs in and out, and whoever has kept the cookie has nothing", async () => {
      const device = rig.device();
      expect((await visits.me(device)).status).toBe(401);
      const logIn = await visits.logIn(device, "ada");
      expect([logIn.status, logIn.body]).toEqual([visits.logInStatus ?? 200, logIn.body]);
      expect(logIn.headers.get("cache-control")).toContain("no-store");
      const me = await visits.me(device);
      expect([me.status, visits.userIn(me)]).toEqual([200, "ada"]);
      expect(me.headers.get("cache-control")).toContain("no-store");
      expect(me.headers.get("vary")?.toLowerCase()).toContain("cookie");
      const thief = new Device(rig.program.url, { cookie: device.cookie });
      expect((await visits.me(thief)).status).toBe(200);
      expect((await visits.logOut(device)).status).toBe(200);
      expect(device.cookie).toBe("");
      expect((await visits.me(thief)).status).toBe(401);
      expect(await store.listForUser("ada")).toEqual([]);
    });

    it("refuses a blocked user at once, and the log-in too", async () => {
      const device = rig.device();
      await visits.logIn(device, "mallory");
      expect((await visits.me(device)).status).toBe(200);
      await store.blockUser("mallory");
      expect((await visits.me(device)).status).toBe(401);
      const again = await visits.logIn(rig.device(), "mallory");
      expect([again.status, again.headers.getSetCookie()]).toEqual([403, []]);
      await store.unblockUser("mallory");
    });

    it("refuses a change that another site asks for", async () => {
      const device = rig.device();
      await visits.logIn(device, "ada");
      const foreign = { headers: { "sec-fetch-site": "cross-site", origin: "https://other.example" } };
      expect((await visits.logOut(device, foreign)).status).toBe(403);
      expect((await visits.me(device)).status).toBe(200);
    });

    it("answers 503 while Redis does not answer, and goes on when it does", async () => {
      const device = rig.device();
      await visits.logIn(device, "ada");
      redisServer.freeze();
      try {
        const answer = await visits.me(device);
        expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
        expect(answer.headers.getSetCookie()).toEqual([]);
      } finally {
        redisServer.thaw();
      }
      await expect.poll(async () => (await visits.me(device)).status).toBe(200);
    });

    it("prints no stack for what clients do wrong, however many do", async () => {
      const before = rig.program.output().length;
      for (let n = 0; n < 20; n++) await visits.me(rig.device());
      const printed = rig.program.output().slice(before);
      expect(printed).not.toMatch(/^\s+at /m);
      expect(printed.split("\n").length).toBeLessThanOrEqual(21);
    });

    own?.(() => rig);
  });
}
