/** The API reference, from the docstrings: `npm run docs` runs it, and a warning is an error. */
import { readFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const entries = Object.keys(exports)
  .filter((name) => !name.endsWith(".json"))
  .map((name) => (name === "." ? "index" : name.slice(2)));

export default {
  name: "API",
  entryPoints: entries.map((name) => `src/${name}.ts`),
  plugin: ["typedoc-plugin-markdown"],
  out: "site/pages/api",
  readme: "none",
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  disableSources: true,
  // `npm run typecheck` has looked for errors.
  skipErrorChecking: true,
  treatWarningsAsErrors: true,
  // Parts of types that users name by another type, or have no use for.
  intentionallyNotExported: [
    "ALGORITHMS",
    "AnyMethod",
    "Call",
    "ClaimsOf",
    "__global.Coatcheck.Claims",
    "JwtKeyOptions",
    "Corkable",
    "ErrorDetails",
    "Generate",
    "SessionRequest",
    "SubscriberClient",
  ],
  router: "module",
  modulesFileName: "index",
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
};
