/** Checkout and orders. */
import { requireSession } from "coatcheck/fastify";
import type { FastifyInstance } from "fastify";
import { userOf } from "./accounts.ts";
import type { Shop } from "./app.ts";
import { type Bill, combine, price } from "./cart.ts";
import type { Database } from "./database.ts";
import { Problem } from "./problem.ts";
import type { Reservation } from "./reservations.ts";
import type { Cart } from "./sessions.ts";

export function orderRoutes(app: FastifyInstance, { db, reservations, freshWithin, answer }: Shop): void {
  app.post("/checkout", { preHandler: requireSession({ freshWithin }) }, async (request, reply) => {
    const userId = userOf(request);
    // Taken out of the session before the order is placed: of two clicks at once, only one finds anything in the cart.
    let taken: Cart = {};
    const session = await request.session.updateClaims(({ cart = {} }) => {
      taken = cart;
      return { cart: undefined };
    });
    if (session === null) throw new Problem(401, "Log in first.");
    if (Object.keys(taken).length === 0) throw new Problem(409, "The cart is empty.");
    let reservation: Reservation | undefined;
    try {
      // From the session as Redis has just given it: a user who has logged out meanwhile is not spoken for.
      reservation = await reservations.reserve(session, taken);
      const order = await placeOrder(db, userId, taken, session.claims.premium ?? false, reservation.id);
      return answer(request, reply.code(201), order);
    } catch (error) {
      await reservation
        ?.release()
        .catch((failure: unknown) => request.log.error({ err: failure, reservation }, "The goods were not put back."));
      await request.session
        .updateClaims(({ cart = {} }) => ({ cart: combine(cart, taken) }))
        .catch((failure: unknown) => request.log.error({ err: failure, cart: taken }, "The cart was not put back."));
      throw error;
    }
  });

  app.get("/orders", { preHandler: requireSession() }, async (request) => {
    const { rows } = await db.query(
      `SELECT id::text, placed_at AS "placedAt", cents FROM orders WHERE user_id = $1 ORDER BY orders.id DESC`,
      [userOf(request)],
    );
    return rows;
  });
}

async function placeOrder(
  db: Database,
  userId: string,
  cart: Cart,
  premium: boolean,
  reservation: string,
): Promise<Bill & { id: string }> {
  return db.transaction(async (tx) => {
    const bill = await price(tx, cart, premium);
    const { rows } = await tx.query<{ id: string }>(
      "INSERT INTO orders (user_id, cents, reservation) VALUES ($1, $2, $3) RETURNING id::text",
      [userId, bill.cents, reservation],
    );
    const id = rows[0]?.id as string;
    for (const line of bill.lines) {
      await tx.query("INSERT INTO order_lines (order_id, product_id, quantity, cents) VALUES ($1, $2, $3, $4)", [
        id,
        line.id,
        line.quantity,
        line.cents,
      ]);
    }
    return { id, ...bill };
  });
}
