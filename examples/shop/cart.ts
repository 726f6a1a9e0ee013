/** Products, and the cart: claims of the session, a guest's or a user's. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Shop } from "./app.ts";
import type { Database } from "./database.ts";
import { Problem } from "./problem.ts";
import type { Cart } from "./sessions.ts";

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly cents: number;
}

/** A cart with its prices. */
export interface Bill {
  readonly lines: ReadonlyArray<Product & { readonly quantity: number }>;
  readonly cents: number;
}

const MAX_QUANTITY = 99;
const PREMIUM_PERCENT = 90;

const change = {
  body: {
    type: "object",
    required: ["product"],
    properties: {
      product: { type: "string" },
      quantity: { type: "integer", minimum: -MAX_QUANTITY, maximum: MAX_QUANTITY, default: 1 },
    },
  },
};

export function cartRoutes(app: FastifyInstance, { db, answer }: Shop): void {
  app.get("/products", async () => productsOf(db));

  app.get("/cart", async (request, reply) => {
    reply.header("cache-control", "no-store");
    return billOf(request, db);
  });

  app.post<{ Body: { product: string; quantity: number } }>("/cart", { schema: change }, async (request, reply) => {
    const { product, quantity } = request.body;
    const { rows } = await db.query("SELECT 1 FROM products WHERE id = $1", [product]);
    if (rows.length === 0) throw new Problem(404, "There is no such product.");

    // A guest gets a session with the first thing that is worth keeping.
    if (request.session.current === null) await request.session.start();
    // The function form is a compare-and-set that tries again: of any number of clicks at once, each one counts.
    const session = await request.session.updateClaims(({ cart = {} }) => ({
      cart: combine(cart, { [product]: quantity }),
    }));
    // The session ended meanwhile: perhaps the user has logged in in another tab, whose cookie must stay.
    if (session === null) throw new Problem(409, "Your session has changed. Please try again.");
    return answer(request, reply, await billOf(request, db));
  });
}

/** Adds one cart to another; what comes to nothing goes. */
export function combine(cart: Cart, more: Cart): Cart {
  const sum: Record<string, number> = { ...cart };
  for (const [id, quantity] of Object.entries(more)) {
    sum[id] = Math.min((sum[id] ?? 0) + quantity, MAX_QUANTITY);
    if (sum[id] <= 0) delete sum[id];
  }
  return sum;
}

export async function productsOf(db: Database): Promise<Product[]> {
  return (await db.query<Product>("SELECT id, name, cents FROM products ORDER BY id")).rows;
}

/** The bill of the session's cart. */
export function billOf({ session }: FastifyRequest, db: Database): Promise<Bill> {
  const { cart = {}, premium = false } = session.current?.claims ?? {};
  return price(db, cart, premium);
}

/** What a cart costs, by today's prices. */
export async function price(db: Pick<Database, "query">, cart: Cart, premium: boolean): Promise<Bill> {
  const { rows } = await db.query<Product>("SELECT id, name, cents FROM products WHERE id = ANY($1) ORDER BY id", [
    Object.keys(cart),
  ]);
  const lines = rows.map(({ id, name, cents }) => ({
    id,
    name,
    cents: premium ? Math.round((cents * PREMIUM_PERCENT) / 100) : cents,
    quantity: cart[id] ?? 0,
  }));
  return { lines, cents: lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0) };
}
