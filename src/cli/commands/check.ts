/** `coatcheck check`: the settings of the servers. */
import { DONE, NOTHING_FOUND } from "../failure.js";
import { counted } from "../terminal.js";
import type { Work } from "../work.js";

/** Findings about the client of this program, which say nothing of the client of the application. */
const OF_THE_CLIENT: ReadonlySet<string> = new Set([
  ...["socketTimeout", "failoverDetector", "reconnectStrategy", "pingInterval", "client-untold"],
]);

export async function check({ store, terminal, signal }: Work): Promise<number> {
  const report = await store.check();
  const findings = report.findings.filter(({ code }) => !OF_THE_CLIENT.has(code));
  const ok = findings.every(({ level }) => level !== "danger");
  await terminal.result({ ok, servers: report.servers, findings }, async () => {
    await terminal.table(
      ["server", "version", "role", "maxmemory-policy", "append-only file", "replicas"],
      report.servers.map(({ address, version, role, maxmemoryPolicy, appendOnly, connectedReplicas }) => [
        address,
        version,
        role,
        maxmemoryPolicy,
        appendOnly === null ? null : appendOnly ? "yes" : "no",
        connectedReplicas,
      ]),
      signal,
    );
    for (const { level, found, consequence, mend } of findings) {
      terminal.line(`${level.toUpperCase()}: ${found}`);
      terminal.line(`  what can happen: ${consequence}`);
      terminal.line(`  what to do: ${mend}`);
    }
    const dangers = findings.filter(({ level }) => level === "danger").length;
    terminal.line(`${counted(dangers, "danger")}, ${counted(findings.length - dangers, "warning")}.`);
  });
  return ok ? DONE : NOTHING_FOUND;
}
