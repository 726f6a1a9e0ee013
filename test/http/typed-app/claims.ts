/** What the application's sessions say: declared once, and known to every framework from then on. */
import type { RegisteredClaims } from "coatcheck/http";

declare global {
  namespace Coatcheck {
    interface Claims {
      role: "member" | "admin";
      cart: string[];
      premium?: boolean;
    }
  }
}

/** Nothing but the very same type passes for it. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const same = <A, B>(_proof: Same<A, B>): void => {};

same<RegisteredClaims, Coatcheck.Claims>(true);
same<RegisteredClaims, Record<string, unknown>>(false);
same<keyof RegisteredClaims, "role" | "cart" | "premium">(true);
