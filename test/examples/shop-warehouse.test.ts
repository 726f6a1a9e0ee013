/** The warehouse of the shop, called over HTTP: which tokens it takes, and what it does for whom. It has no Redis to ask. */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import type { Session } from "coatcheck";
import { createJwtSessions } from "coatcheck/jwt";
import { afterEach, describe, expect, it, vi } from "vitest";
import { buildWarehouse } from "../../examples/shop/warehouse/app.js";
import { AUDIENCE, ISSUER, KEY } from "../../examples/shop/warehouse/contract.js";
import { afterFile } from "../harness/fixtures.js";
import { createMint, KEYS, listen, reservationsOf } from "./shop-rig.js";

const MUGS = 5;
const app = buildWarehouse({ publicKey: KEYS.publicKey, stock: { mug: MUGS } });
afterFile(() => app.close());
const url = await listen(app);
const { store, jwts } = createMint();

afterEach(() => vi.useRealTimers());

async function call(token: string | undefined, method: string, id: string = randomUUID(), goods?: object) {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (goods !== undefined) headers.set("content-type", "application/json");
  const body = goods === undefined ? null : JSON.stringify(goods);
  const response = await fetch(`${url}/reservations/${method === "GET" ? "" : id}`.replace(/\/$/, ""), {
    ...{ method, headers, body },
  });
  const text = await response.text();
  const answer: unknown = text === "" ? null : JSON.parse(text);
  return { status: response.status, answer, challenge: response.headers.get("www-authenticate") };
}

const logIn = async (userId?: string) => store.create({ ...(userId !== undefined && { userId }), claims: {} });
const mint = (session: Session<object>, scope: string[] = ["reserve"]) =>
  jwts.mint(session, { audience: AUDIENCE, scope, ttl: 30_000 });

/** How many mugs can still be reserved; they are put back. */
async function mugsLeft(): Promise<number> {
  const token = await mint((await logIn("counter")).session);
  for (let quantity = MUGS; quantity > 0; quantity--) {
    const id = randomUUID();
    if ((await call(token, "PUT", id, { mug: quantity })).status !== 201) continue;
    await call(token, "DELETE", id);
    return quantity;
  }
  return 0;
}

describe("a token for the warehouse", () => {
  it("reserves goods and puts them back, each once however often it is asked for", async () => {
    const token = await mint((await logIn("ada")).session);
    const id = randomUUID();
    expect(await call(token, "PUT", id, { mug: 2 })).toMatchObject({ status: 201, answer: { mug: 2 } });
    expect(await call(token, "PUT", id, { mug: 2 })).toMatchObject({ status: 200, answer: { mug: 2 } });
    expect(await mugsLeft()).toBe(3);
    expect(await reservationsOf("ada", url)).toEqual([{ id, goods: { mug: 2 } }]);
    for (let times = 0; times < 2; times++) expect((await call(token, "DELETE", id)).status).toBe(204);
    expect(await mugsLeft()).toBe(5);
  });

  it("reserves nothing with what comes after it was put back, as a request that was lost on the way", async () => {
    const token = await mint((await logIn("ada")).session);
    const id = randomUUID();
    expect((await call(token, "DELETE", id)).status).toBe(204);
    expect(await call(token, "PUT", id, { mug: 5 })).toMatchObject({ status: 200, answer: {} });
    expect(await mugsLeft()).toBe(5);
  });

  it("touches nothing that is another user's", async () => {
    const [ada, eve] = [await mint((await logIn("ada")).session), await mint((await logIn("eve")).session)];
    const id = randomUUID();
    await call(ada, "PUT", id, { mug: 1 });
    expect((await call(eve, "PUT", id, { mug: 1 })).status).toBe(404);
    expect((await call(eve, "DELETE", id)).status).toBe(404);
    expect(await mugsLeft()).toBe(4);
    await call(ada, "DELETE", id);
  });

  it.each([
    ["more than there is", { mug: 6 }, 409],
    ["what there is not", { unicorn: 1 }, 409],
    ["what every object has", { constructor: 1 }, 409],
    ["nothing", {}, 400],
    ["less than nothing", { mug: -1 }, 400],
  ])("does not reserve %s", async (_, goods, status) => {
    const token = await mint((await logIn("ada")).session);
    expect((await call(token, "PUT", randomUUID(), goods)).status).toBe(status);
    expect(await mugsLeft()).toBe(5);
  });

  it("is good for its half a minute after a log-out, which nobody has told the warehouse of, and not for longer", async () => {
    const issued = await logIn("ada");
    const token = await mint(issued.session, ["read"]);
    await store.revoke(issued.token);
    expect((await call(token, "GET")).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"] });
    // And the five seconds for clocks that differ.
    vi.setSystemTime(Date.now() + 36_000);
    expect(await call(token, "GET")).toMatchObject({ status: 401, challenge: 'Bearer error="invalid_token"' });
  });
});

describe("whatever else comes as a token", () => {
  const others: [what: string, make: () => Promise<string | undefined>][] = [
    ["nothing", async () => undefined],
    ["no token", async () => "x.y.z"],
    ["the token of a session", async () => (await logIn("ada")).token],
    ["the JWT of a session", async () => jwts.wrap(await logIn("ada"))],
    [
      "a token for another service",
      async () => jwts.mint((await logIn("ada")).session, { audience: "https://invoices.example", scope: ["reserve"] }),
    ],
    [
      "a token of another shop",
      async () => foreign({ key: { ...KEY, key: KEYS.privateKey }, issuer: "https://other.example" }),
    ],
    [
      "a token that another key has signed",
      async () =>
        foreign({
          key: { ...KEY, key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey },
          issuer: ISSUER,
        }),
    ],
    [
      "a token that has expired",
      async () => {
        const { session } = await logIn("ada");
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 36_000 });
        const token = await mint(session);
        vi.useRealTimers();
        return token;
      },
    ],
  ];

  async function foreign(options: Pick<Parameters<typeof createJwtSessions>[1], "key" | "issuer">): Promise<string> {
    const other = createJwtSessions(store, { ...options, audience: ISSUER } as Parameters<typeof createJwtSessions>[1]);
    return other.mint((await logIn("ada")).session, { audience: AUDIENCE, scope: ["reserve"] });
  }

  it.each(others)("is refused: %s", async (_, make) => {
    const token = await make();
    const { status, challenge } = await call(token, "PUT", randomUUID(), { mug: 1 });
    expect(status).toBe(401);
    expect(challenge).toBe(token === undefined ? "Bearer" : 'Bearer error="invalid_token"');
    // Neither does a body that makes no sense tell it more.
    expect((await call(token, "PUT", "x", { mug: -1 })).status).toBe(401);
    expect(await mugsLeft()).toBe(5);
  });

  it.each([
    ["that allows only to look", () => logIn("ada"), ["read"]],
    ["that allows nothing", () => logIn("ada"), []],
    ["of a guest", () => logIn(), ["reserve"]],
  ])("is not enough: a token %s", async (_, start, scope) => {
    const token = await mint((await start()).session, scope);
    for (const [method, goods] of [["PUT", { mug: 1 }], ["DELETE"]] as const) {
      const { status, challenge } = await call(token, method, randomUUID(), goods);
      expect([status, challenge]).toEqual([403, 'Bearer error="insufficient_scope", scope="reserve"']);
    }
    expect(await mugsLeft()).toBe(5);
  });

  it("is not enough to look: a token that allows to reserve", async () => {
    expect((await call(await mint((await logIn("ada")).session), "GET")).status).toBe(403);
  });
});

describe("the warehouse", () => {
  it("cannot be given the key that signs", () => {
    expect(() => buildWarehouse({ publicKey: KEYS.privateKey })).toThrow("A verifier must be given public keys");
  });
});
