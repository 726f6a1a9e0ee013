import { defineHandler } from "nitro/h3";

export default defineHandler(({ context: { session } }) => {
  session.require({ where: { role: "admin" } });
  return "the keys to everything";
});
