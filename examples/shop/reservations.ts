/**
 * The shop's side of the warehouse: goods are reserved with a service token, minted from the session of whoever checks out.
 * It is good for one audience, one scope and half a minute. So much, and no more, survives a log-out.
 */
import { type KeyObject, randomUUID } from "node:crypto";
import type { Session } from "coatcheck";
import { createJwtSessions, type JwtSessions } from "coatcheck/jwt";
import { Problem } from "./problem.ts";
import type { ShopSessions } from "./sessions.ts";
import { AUDIENCE, type Goods, ISSUER, KEY, type Scope } from "./warehouse/contract.ts";

const TTL = 30_000;

export interface WarehouseAccess {
  /** Where the warehouse is. */
  readonly url: string;
  /** The private key, of which the warehouse has the public half. */
  readonly signingKey: KeyObject;
  /** How long to wait for an answer, ms. Default: 2 seconds. */
  readonly timeout?: number;
}

export interface Reservation {
  readonly id: string;
  /** Puts the goods back. */
  release(): Promise<void>;
}

export class Reservations {
  readonly #url: string;
  readonly #timeout: number;
  readonly #jwts: JwtSessions<Coatcheck.Claims>;

  constructor(store: ShopSessions, { url, signingKey, timeout = 2000 }: WarehouseAccess) {
    this.#url = url;
    this.#timeout = timeout;
    this.#jwts = createJwtSessions(store, { key: { ...KEY, key: signingKey }, issuer: ISSUER, audience: ISSUER });
  }

  /**
   * Reserves goods for the user of a session. `session` is to come from Redis in this very request: a token is minted
   * without asking it. Throws `Problem`: 409 where there are not enough, 503 where the warehouse does not answer.
   */
  async reserve(session: Session<Coatcheck.Claims>, goods: Goods): Promise<Reservation> {
    const scope: Scope[] = ["reserve"];
    const token = await this.#jwts.mint(session, { audience: AUDIENCE, scope, ttl: TTL });
    const id = randomUUID();
    const release = async () => {
      const { status } = await this.#send("DELETE", id, token);
      if (status !== 204) throw new Error(`The warehouse answered ${status} to a DELETE`);
    };
    let response: Response;
    try {
      response = await this.#send("PUT", id, token, goods);
      if (response.status !== 201 && response.status !== 409) {
        throw new Error(`The warehouse answered ${response.status} to a PUT`);
      }
    } catch (cause) {
      // It may have reserved them, and its answer be lost.
      const errors = await release().then(
        () => [cause],
        (error: unknown) => [cause, error],
      );
      throw new Problem(503, "The warehouse does not answer. Your cart is as it was; try again in a moment.", {
        cause: new AggregateError(errors, "Nothing could be reserved"),
      });
    }
    if (response.status === 201) return { id, release };
    const { missing } = (await response.json()) as { missing: string[] };
    throw new Problem(409, `There is not enough left of ${missing.join(" and ")}. Your cart is as it was.`);
  }

  #send(method: "PUT" | "DELETE", id: string, token: string, goods?: Goods): Promise<Response> {
    return fetch(`${this.#url}/reservations/${id}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(goods && { "content-type": "application/json" }) },
      body: goods === undefined ? null : JSON.stringify(goods),
      redirect: "error",
      signal: AbortSignal.timeout(this.#timeout),
    });
  }
}
