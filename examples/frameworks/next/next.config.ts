import type { NextConfig } from "next";

// Both stay packages of Node: what opens connections is loaded once, and not bundled into each route.
const config: NextConfig = { serverExternalPackages: ["coatcheck", "ioredis"] };

export default config;
