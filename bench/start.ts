/** `npm run bench`: builds the package if need be, before the scenarios import it by its name, and then runs main.ts. */
import { ensureBuilt } from "../test/harness/dist.ts";

/** How long nobody wonders why nothing happens, ms. */
const PATIENCE = 1000;

const notice = setTimeout(() => process.stderr.write("Building the package first …\n"), PATIENCE);
await ensureBuilt();
clearTimeout(notice);
await import("./main.ts");
