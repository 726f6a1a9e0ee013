/**
 * The claims of `req.session`, `request.session` and `ctx.session`. An application names them once, and needs no casts:
 *
 *   declare global {
 *     namespace Coatcheck {
 *       interface Claims { role: "member" | "admin" }
 *     }
 *   }
 */
declare global {
  namespace Coatcheck {
    interface Claims {}
  }
}

/** The application's claims, or any where it has named none. */
export type RegisteredClaims = keyof Coatcheck.Claims extends never ? Record<string, unknown> : Coatcheck.Claims;
