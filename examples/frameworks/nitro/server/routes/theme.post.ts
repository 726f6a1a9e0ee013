import { defineHandler, setCookie } from "nitro/h3";

// A cookie of the application's own, beside that of the session.
export default defineHandler((event) => {
  event.context.session.require();
  setCookie(event, "theme", "dark");
  return { theme: "dark" };
});
