/** The process of one HTTP server of the scenario `http`: says where it listens and with which headers it lets one in. */
import { HTTP_CONTENDERS } from "./http-servers.ts";

const [name, url = "", prefix = ""] = process.argv.slice(2);

process.on("disconnect", () => process.exit());

try {
  const contender = HTTP_CONTENDERS.find((one) => one.name === name);
  if (contender === undefined) throw new Error(`There is no HTTP contender ${name}.`);
  process.send?.(await contender.serve({ url, prefix }));
} catch (error) {
  process.send?.({ failed: error instanceof Error ? error.message : String(error) }, () => process.exit(1));
}
