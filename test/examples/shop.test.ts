import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import type { Database } from "../../examples/shop/database.js";
import { afterFile } from "../harness/fixtures.js";
import { gated, interrupt } from "../harness/gate.js";
import { Device } from "./client.js";
import { startExample } from "./program.js";
import { cartOf, logIn, MINUTE, PASSWORD, reservationsOf, ShopRig, startGround } from "./shop-rig.js";

const { db, server, places } = await startGround();

describe.each(places)("the shop with sessions in %s", (place, connect) => {
  const redis = connect();
  afterAll(() => redis.disconnect());
  const rig = new ShopRig(place, redis, () => db);

  it("gives a guest no session for looking, and one for the first thing in the cart", () =>
    rig.visit(async ({ device }) => {
      const guest = device();
      expect((await guest.get("/products")).body).toHaveLength(4);
      expect((await guest.get("/cart")).body).toEqual({ lines: [], cents: 0 });
      expect(guest.cookie).toBe("");
      const added = await guest.post("/cart", { product: "mug", quantity: 2 });
      expect(added.body).toMatchObject({ lines: [{ id: "mug", quantity: 2, cents: 1600 }], cents: 3200 });
      expect(guest.cookie).toMatch(/^__Host-session=/);
      expect(cartOf(await guest.post("/cart", { product: "mug", quantity: -1 }))).toEqual({ mug: 1 });
      expect(cartOf(await guest.post("/cart", { product: "mug", quantity: -1 }))).toEqual({});
    }));

  it.each([
    [{ product: "unicorn" }, 404],
    [{ product: "__proto__" }, 404],
    [{ product: "mug", quantity: 1.5 }, 400],
    [{ product: "mug", quantity: 100 }, 400],
    [{}, 400],
  ])("refuses %j in the cart with %i and starts no session for it", (body, status) =>
    rig.visit(async ({ device }) => {
      const guest = device();
      expect((await guest.post("/cart", body)).status).toBe(status);
      expect(guest.cookie).toBe("");
    }),
  );

  it("counts each of 20 additions made at once", () =>
    rig.visit(async ({ device }) => {
      const guest = device();
      await guest.post("/cart", { product: "spoon" });
      const replies = await Promise.all(Array.from({ length: 20 }, () => guest.post("/cart", { product: "mug" })));
      expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
      expect(cartOf(await guest.get("/cart"))).toEqual({ mug: 20, spoon: 1 });
    }));

  it("keeps a guest's cart through the log-in, under a new token", () =>
    rig.visit(async ({ device }) => {
      const guest = device();
      await guest.post("/cart", { product: "kettle" });
      const before = guest.cookie;
      await logIn(guest, await rig.person());
      expect(guest.cookie).not.toBe(before);
      expect(cartOf(await guest.get("/cart"))).toEqual({ kettle: 1 });
      // The guest's token is worth nothing any more.
      expect(cartOf(await device().get("/cart", { headers: { cookie: before } }))).toEqual({});
    }));

  it("asks a guest to log in at the checkout and for everything that is a user's", () =>
    rig.visit(async ({ device }) => {
      const guest = device();
      await guest.post("/cart", { product: "mug" });
      for (const [method, path] of [
        ["POST", "/checkout"],
        ["POST", "/premium"],
        ["GET", "/orders"],
        ["GET", "/history"],
      ] as const) {
        expect((await guest.send(method, path)).status, path).toBe(401);
        expect((await device().send(method, path)).status, path).toBe(401);
      }
      expect((await guest.post("/re-authenticate", { password: PASSWORD })).status).toBe(401);
      expect(cartOf(await guest.get("/cart"))).toEqual({ mug: 1 });
    }));

  it("wants a fresh log-in for the checkout, and takes the password again for one", () =>
    rig.visit(async ({ device }) => {
      const laptop = device();
      await logIn(laptop, await rig.person());
      await laptop.post("/cart", { product: "apron", quantity: 2 });
      await rig.age(laptop, 3 * MINUTE);
      expect((await laptop.post("/checkout")).status).toBe(201);

      await laptop.post("/cart", { product: "mug" });
      await rig.age(laptop, 3 * MINUTE);
      const stale = await laptop.post("/checkout");
      expect(stale).toMatchObject({ status: 401, body: { code: "REAUTHENTICATION_REQUIRED" } });
      expect(cartOf(await laptop.get("/cart"))).toEqual({ mug: 1 });

      const before = laptop.cookie;
      expect((await laptop.post("/re-authenticate", { password: "not the password" })).status).toBe(401);
      expect((await laptop.post("/checkout")).status).toBe(401);
      expect((await laptop.post("/re-authenticate", { password: PASSWORD })).status).toBe(200);
      expect(laptop.cookie).not.toBe(before);
      expect(await laptop.post("/checkout")).toMatchObject({ status: 201, body: { cents: 1600 } });
      expect((await laptop.get("/orders")).body).toMatchObject([{ cents: 1600 }, { cents: 7800 }]);
      expect(cartOf(await laptop.get("/cart"))).toEqual({});
    }));

  it("places one order when the checkout is pressed twice at once", () =>
    rig.visit(async ({ device }) => {
      const laptop = device();
      await logIn(laptop, await rig.person());
      await laptop.post("/cart", { product: "mug" });
      const replies = await Promise.all([laptop.post("/checkout"), laptop.post("/checkout")]);
      expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect((await laptop.get("/orders")).body).toHaveLength(1);
    }));

  it("reserves in the warehouse what is in the cart, in the name of whoever checks out", () =>
    rig.visit(async ({ device, calls, warehouse }) => {
      const laptop = device();
      const who = await rig.person();
      await logIn(laptop, who);
      await laptop.post("/cart", { product: "mug", quantity: 2 });
      await laptop.post("/cart", { product: "spoon" });
      expect((await laptop.post("/checkout")).status).toBe(201);
      expect(calls).toEqual(["PUT 201"]);
      expect(await reservationsOf(who.id, warehouse)).toEqual([
        { id: expect.any(String), goods: { mug: 2, spoon: 1 } },
      ]);
      expect(await reservationsOf("somebody else", warehouse)).toEqual([]);
    }));

  it("places no order for more than there is, and says of what", () =>
    rig.visit(
      async ({ device, calls }) => {
        const [laptop, phone] = [device(), device()];
        for (const one of [laptop, phone]) {
          await logIn(one, await rig.person());
          await one.post("/cart", { product: "mug", quantity: 2 });
          await one.post("/cart", { product: "spoon" });
        }
        expect((await laptop.post("/checkout")).status).toBe(201);
        const refused = await phone.post("/checkout");
        expect(refused).toMatchObject({
          status: 409,
          body: { message: expect.stringContaining("enough left of mug.") },
        });
        expect(cartOf(await phone.get("/cart"))).toEqual({ mug: 2, spoon: 1 });
        expect((await phone.get("/orders")).body).toEqual([]);
        await phone.post("/cart", { product: "mug", quantity: -1 });
        expect((await phone.post("/checkout")).status).toBe(201);
        expect(calls).toEqual(["PUT 201", "PUT 409", "PUT 201"]);
      },
      { stock: { mug: 3, spoon: 2 } },
    ));

  it("keeps the cart and says so when the warehouse does not answer", () =>
    rig.visit(async ({ device, log, closeWarehouse }) => {
      const laptop = device();
      await logIn(laptop, await rig.person());
      await laptop.post("/cart", { product: "mug" });
      await closeWarehouse();
      expect((await laptop.post("/checkout")).status).toBe(503);
      expect(cartOf(await laptop.get("/cart"))).toEqual({ mug: 1 });
      expect((await laptop.get("/orders")).body).toEqual([]);
      expect(log.join("")).toContain("The warehouse does not answer");
    }));

  it("calls the warehouse for nobody who has logged out, nor for a copy of the cookie", () =>
    rig.visit(async ({ device, calls }) => {
      const laptop = device();
      await logIn(laptop, await rig.person());
      await laptop.post("/cart", { product: "mug" });
      const { cookie } = laptop;
      await laptop.post("/log-out");
      expect((await device().send("POST", "/checkout", { headers: { cookie } })).status).toBe(401);
      expect(calls).toEqual([]);
    }));

  it("puts the cart back when the order cannot be placed", () => {
    const transaction = () => Promise.reject(new Error("the disk is full"));
    return rig.visit(
      async ({ device, log, calls }) => {
        const laptop = device();
        await logIn(laptop, await rig.person());
        await laptop.post("/cart", { product: "mug", quantity: 3 });
        expect((await laptop.post("/checkout")).status).toBe(500);
        expect(cartOf(await laptop.get("/cart"))).toEqual({ mug: 3 });
        expect(calls).toEqual(["PUT 201", "DELETE 204"]);
        expect(log.join("")).toContain("the disk is full");
      },
      { faults: { transaction } },
    );
  });

  it("shows a premium upgrade on the other device with its next request, and at the next log-in", () =>
    rig.visit(async ({ device }) => {
      const [laptop, phone, tablet] = [device(), device(), device()];
      const who = await rig.person();
      await logIn(laptop, who);
      await phone.post("/cart", { product: "mug" });
      await logIn(phone, who);
      expect((await phone.get("/me")).body).toMatchObject({ premium: false });

      expect((await laptop.post("/premium")).body).toEqual({ premium: true, sessions: 2 });
      expect((await phone.get("/me")).body).toMatchObject({ premium: true });
      expect((await phone.get("/cart")).body).toMatchObject({ cents: 1440 });
      expect((await phone.post("/checkout")).body).toMatchObject({ cents: 1440 });
      await logIn(tablet, who);
      expect((await tablet.get("/me")).body).toMatchObject({ premium: true });
    }));

  it("loses no premium upgrade to a log-in that looked just before it", async () => {
    let [arrive, release] = [() => {}, () => {}];
    const reached = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const open = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hold = false;
    const query: Database["query"] = async (text, ...rest) => {
      const answer = await db.query(text, ...rest);
      if (hold && text.startsWith("SELECT premium")) {
        hold = false;
        arrive();
        await open;
      }
      return answer as never;
    };
    await rig.visit(
      async ({ device }) => {
        const [laptop, phone] = [device(), device()];
        const who = await rig.person();
        await logIn(laptop, who);
        hold = true;
        const late = logIn(phone, who);
        await reached;
        expect((await laptop.post("/premium")).body).toEqual({ premium: true, sessions: 2 });
        release();
        await late;
        expect((await phone.get("/me")).body).toMatchObject({ premium: true });
      },
      { faults: { query } },
    );
  });
});

describe("a log-out during the checkout", () => {
  it("comes before the token for the warehouse, so there is none", async () => {
    const redis = new Redis(server.url);
    afterFile(() => redis.disconnect());
    const gate = await gated(redis);
    const rig = new ShopRig("gate", redis, () => db);
    await rig.visit(
      async ({ device, calls }) => {
        const laptop = device();
        await logIn(laptop, await rig.person());
        await laptop.post("/cart", { product: "mug" });
        const checkOut = () => laptop.post("/checkout");
        // The session has been looked up, and is about to be asked for its cart.
        const [refused] = await interrupt(gate, "update", "before", checkOut, () => laptop.post("/log-out"));
        expect(refused.status).toBe(401);
        expect(calls).toEqual([]);
      },
      { redis: gate },
    );
  });
});

describe("the shop as its README starts it", () => {
  it("serves on the address that it prints, keeps a cart through the sign-up, and ends when told to", async () => {
    const shop = await startExample("shop");
    expect(shop.output()).toMatch(/^The shop is at http:\S+, its sessions in ioredis-mock\.$/m);
    const device = new Device(shop.url);
    await device.post("/cart", { product: "mug" });
    await device.post("/sign-up", { email: "ada@example.com", password: PASSWORD });
    expect((await device.post("/checkout")).body).toMatchObject({ cents: 1600 });
    const [, warehouse = ""] = /^It calls the warehouse at (http:\S+)\.$/m.exec(shop.output()) ?? [];
    expect((await fetch(`${warehouse}/reservations`)).status).toBe(401);
    expect(await shop.stop()).toBe(0);
    // Nothing was worth a warning, and the warehouse has ended with it.
    expect(shop.output()).toBe(
      `The shop is at ${shop.url}, its sessions in ioredis-mock.\nIt calls the warehouse at ${warehouse}.\n`,
    );
    await expect(fetch(warehouse)).rejects.toThrow();
  }, 90_000);
});
