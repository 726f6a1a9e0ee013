import { defineHandler } from "nitro/h3";

export default defineHandler(async ({ context: { session } }) => ({ ended: await session.end() }));
