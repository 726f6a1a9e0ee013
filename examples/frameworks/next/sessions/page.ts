import type { Session } from "coatcheck";
import { cookies, headers } from "next/headers";
import { cache } from "react";
import { type Claims, parts } from "./store";

/** The session for a server component. It can only read: Next has no response there. One look-up for each request. */
export const pageSession = cache(async (): Promise<Session<Claims> | null> => {
  const incoming = await headers();
  const session = await parts.load({
    method: "GET",
    header: (name) => incoming.get(name),
    appendHeader() {},
    writable: () => false,
  });
  return session.current;
});

/** The session for a server action, which is always a POST, and can set cookies. */
export async function actionSession() {
  const [incoming, jar] = await Promise.all([headers(), cookies()]);
  return parts.load({
    method: "POST",
    header: (name) => incoming.get(name),
    // Next itself sends no-store with the answer to an action.
    appendHeader() {},
    setCookie: (name, value, attributes) => jar.set({ name, value, ...attributes }),
  });
}
