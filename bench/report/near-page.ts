/** What docs/near.md and the documents around it say of the near cache. Pure. */
import { describe, type Figure, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { HOT } from "../scenarios/near.ts";
import { FORMULA, HITS } from "../scenarios/near-hits.ts";
import { CACHED_JWT, PEEK } from "../scenarios/near-lookups.ts";
import { PUSH } from "../scenarios/near-push.ts";
import { DEAF, HEARS } from "../scenarios/revocation-near-doors.ts";
import { digits, multiple } from "./numbers.ts";

/** A table as rows of cells, the head first. */
type Rows = readonly (readonly string[])[];

/** A part of the text: lines, or a table. */
export type Part = string | Rows;

/** The lookup from memory in a sentence, for the README. `null`: not measured. */
export function memoryInBrief({ figures }: Pick<Results, "figures">): string | null {
  const [peek, jwt] = [PEEK, CACHED_JWT].map(
    (contender) => select(figures, { scenario: "near", contender, metric: "time", at: { sessions: HOT } })[0],
  );
  if (peek === undefined || jwt?.ratio === undefined) return null;
  return `A lookup from memory: ${digits(peek.value)} ns, ${multiple(jwt.ratio.value)} as fast as fast-jwt with its cache.`;
}

/** All that a run says of near; empty where it has not measured it. */
export function nearParts(results: Results): Part[] {
  const { figures } = results;
  const times = select(figures, { scenario: "near", metric: "time" });
  if (times.length === 0) return [];
  return [
    "Time of one call, without the making of the token's text, and as a multiple of `peek`:",
    timesOf(results, times),
    ...requestsOf(figures),
    ...pushOf(figures),
    ...hitsOf(figures),
  ];
}

function timesOf({ scenarios }: Results, times: readonly Figure[]): Rows {
  const contenders = scenarios.find(({ name }) => name === "near")?.contenders ?? [];
  const sizes = [...new Set(times.flatMap(({ at }) => at["sessions"] ?? []))];
  const rows = contenders.flatMap(({ name, ours, givesUp = "" }) => {
    const own = select(times, { contender: name });
    if (own.length === 0) return [];
    const cells = sizes.flatMap((sessions) => {
      const figure = select(own, { at: { sessions } })[0];
      return figure === undefined ? ["–", "–"] : [digits(figure.value), multiple(figure.ratio?.value ?? 1)];
    });
    return [[ours ? `**${name}**` : name, ...cells, givesUp]];
  });
  const head = sizes.flatMap((sessions) => [`${describe({ sessions })}, ns`, "of `peek`"]);
  return [["", ...head, "what it gives up"], ...rows];
}

/** Whole requests: with near, without it, and with a JWT, of those without authentication. */
function requestsOf(figures: readonly Figure[]): Part[] {
  const all = select(figures, { scenario: "http", metric: "requests" });
  const columns = ["coatcheck", "coatcheck, near", "JWT (jose HS256)"];
  const frameworks = [...new Set(all.flatMap(({ at }) => at["framework"] ?? []))];
  const rows = frameworks.map((framework) => [
    String(framework),
    ...columns.map((name) => {
      const ratio = select(all, { contender: `${framework}: ${name}` })[0]?.ratio;
      return ratio === undefined ? "–" : multiple(ratio.value);
    }),
  ]);
  if (rows.every(([, , near]) => near === "–")) return [];
  return [
    "Whole requests under autocannon, of those that the same server answers without authentication:",
    [["", "without near", "**with near**", "JWT (jose HS256)"], ...rows],
  ];
}

/** How long a session is let in that was ended elsewhere: while all is well, and if it is not. */
function pushOf(figures: readonly Figure[]): Part[] {
  const [push] = select(figures, { scenario: "near", contender: PUSH, metric: "p99" });
  const [p50] = select(figures, { scenario: "near", contender: PUSH, metric: "p50" });
  const [max] = select(figures, { scenario: "near", contender: PUSH, metric: "max" });
  const parts: Part[] = [];
  if (push !== undefined && p50 !== undefined && max !== undefined) {
    const shown = ({ value }: Figure) => `${digits(value / 1000)} ms`;
    parts.push(
      `Four other processes, under 500 requests a second each, had heard of a revocation ${shown(p50)} (p50), ${shown(push)} (p99), ${shown(max)} (the longest) after the process that made it had its answer.`,
    );
  }
  const doors = select(figures, { scenario: "revocation", metric: "still accepted" });
  if (doors.some(({ contender }) => contender === HEARS || contender === DEAF)) {
    parts.push(
      "For how long a user who has logged out was still let in. With near, the log-out happened in another process; the process that was cut off heard nothing from just before it:",
      [
        ["", "seconds"],
        ...doors.map(({ contender, ours, value, atLeast }) => [
          ours ? `**${contender}**` : contender,
          `${atLeast ? "at least " : ""}${digits(value)}`,
        ]),
      ],
    );
  }
  return parts;
}

function hitsOf(figures: readonly Figure[]): Part[] {
  const of = (contender: string) => select(figures, { scenario: "near", contender, metric: "from memory" });
  const [hits, formula] = [of(HITS), of(FORMULA)];
  if (hits.length === 0) return [];
  const cells = (found: readonly Figure[]) => found.map(({ value }) => `${digits(value)} %`);
  return [
    "Requests of a session that caused no call to Redis, by how many of them come to one process in a `touchInterval`:",
    [
      ["", ...hits.map(({ at }) => String(at["perInterval"]))],
      ["**measured**", ...cells(hits)],
      [`\`${FORMULA}\``, ...cells(formula)],
    ],
  ];
}
