import { defineNitroPlugin } from "nitro/runtime";
import { redis } from "../sessions";

// When the server stops.
export default defineNitroPlugin(({ hooks }) => {
  hooks.hook("close", () => redis.disconnect());
});
