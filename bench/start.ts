/** `npm run bench`: builds the package if need be, before the scenarios import it by its name, and then runs main.ts. */
import { ensureBuilt } from "../test/harness/dist.ts";

await ensureBuilt();
await import("./main.ts");
