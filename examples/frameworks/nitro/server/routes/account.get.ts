import { defineHandler, redirect } from "nitro/h3";

// Sends a browser without a session to the log-in page, and answers everybody else with 401.
export default defineHandler(({ context: { session } }) => {
  const address = session.admit({ redirectTo: "/login" });
  return address === null ? { user: session.current?.userId } : redirect(address, 303);
});
