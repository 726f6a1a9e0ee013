/**
 * The address of the repository, from which package.json has `repository`, `homepage` and `bugs`. It is given once:
 * `npm run repository -- https://<host>/<owner>/<name>`. Without an argument it checks, and fails where there is no
 * address or the three disagree; nothing can be published then.
 */
import { readFile, writeFile } from "node:fs/promises";

const file = new URL("../package.json", import.meta.url);
const manifest = JSON.parse(await readFile(file, "utf8"));
const [given] = process.argv.slice(2);

/** What package.json says of a repository at an address. */
function fieldsOf(address) {
  return {
    homepage: `${address}#readme`,
    bugs: { url: `${address}/issues` },
    repository: { type: "git", url: `git+${address}.git` },
  };
}

if (given === undefined) {
  const address = /^git\+(https:\/\/.+)\.git$/.exec(manifest.repository?.url ?? "")?.[1];
  const { homepage, bugs, repository } = manifest;
  if (address === undefined || JSON.stringify({ homepage, bugs, repository }) !== JSON.stringify(fieldsOf(address))) {
    console.error(
      "package.json has no address of the repository. Give it: npm run repository -- https://<host>/<owner>/<name>",
    );
    process.exitCode = 1;
  }
} else {
  const { protocol, pathname, href } = new URL(given);
  if (protocol !== "https:" || !/^\/[\w.-]+\/[\w.-]+$/.test(pathname) || /\.git$|[?#]/.test(href)) {
    throw new TypeError(`The address must be https://<host>/<owner>/<name>, got ${given}`);
  }
  // Behind the description, where a reader looks for it.
  const entries = Object.entries(manifest).filter(([name]) => !(name in fieldsOf(given)));
  const at = entries.findIndex(([name]) => name === "license");
  entries.splice(at, 0, ...Object.entries(fieldsOf(href)));
  await writeFile(file, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}
