import type { RequestSession } from "coatcheck/fetch";

declare global {
  namespace App {
    interface Locals {
      session: RequestSession<{ role: "member" | "admin" }>;
    }
  }
}
