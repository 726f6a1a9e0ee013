/** The table of docs/drop-in.md, made of what was found. */
import type { Findings, Resurrections } from "./findings.js";
import type { Framework } from "./rig.js";

export interface Column {
  readonly framework: Framework;
  readonly ours: Findings;
  readonly theirs: Findings;
}

/** What ours replaces. */
const REPLACED: Readonly<Record<Framework, string>> = {
  "express-session": "connect-redis 9",
  "@fastify/session": "connect-redis 9",
  "koa-session": "koa-redis 4",
};

const ROWS: readonly [what: string, cell: (findings: Findings) => string][] = [
  ["A request under way **changes** the session, which is destroyed meanwhile", back("change")],
  ["… only **reads** it", back("read")],
  ["… only reads it, with `rolling: true`", back("rolling")],
  ["… only reads it, with `resave: true`", back("resave")],
  ["… saves it twice, and it is destroyed in between", back("saveTwice")],
  ["… reloads it, finds it gone and changes it", back("reload")],
  ["… changes it, while another request regenerates it (a log-in)", back("regenerate")],
  ["A **new** session is saved twice, and destroyed in between", back("newSaveTwice")],
  [
    "20 requests at once each set another property: properties kept",
    ({ kept }) => (kept === 20 ? "20" : `**${kept}**`),
  ],
  ["Round trips of a request that changes nothing", ({ roundTrips }) => String(roundTrips)],
  ["Expiry", ({ excess }) => (excess < 450 ? "to the ms" : "up to 1 s late")],
  [
    "Redis hangs",
    ({ whenRedisHangs }) => (whenRedisHangs === "no answer" ? "**no answer**" : `${whenRedisHangs}, at the deadline`),
  ],
  ["List, change and end all sessions of a user", ({ userCalls }) => (userCalls ? "yes" : "no such call")],
];

function back(which: keyof Resurrections) {
  return ({ resurrected }: Findings) => (resurrected[which] ? "**comes back**" : "stays destroyed");
}

/** The table as Markdown. */
export function tableOf(columns: readonly Column[]): string {
  const heading = columns.flatMap(({ framework }) => [
    `${framework}, ${REPLACED[framework]}`,
    `${framework}, coatcheck`,
  ]);
  const lines = [
    ["What happens", ...heading],
    ["---", ...heading.map(() => "---")],
    ...ROWS.map(([what, cell]) => [what, ...columns.flatMap(({ theirs, ours }) => [cell(theirs), cell(ours)])]),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
