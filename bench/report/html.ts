/** The report as one page that needs nothing else: no script, no font, no request. */
import escapeHtml from "escape-html";
import { fasterThanOurs } from "../faster.ts";
import { busyness } from "../neighbours.ts";
import { LIMITS, METHOD, type Results, type ScenarioResult } from "../results.ts";
import { judge, wordFor } from "../targets.ts";
import { type Chart, chartsOf } from "./charts.ts";
import { conclusionsOf } from "./conclusions.ts";
import { multiple } from "./numbers.ts";
import { DOORS, detailsOf, overviewOf, type Table } from "./tables.ts";

/** The colours of pages and drawings, in light and in dark. */
export const PALETTE = {
  light: {
    "--surface": "#ffffff",
    "--panel": "#f6f7f9",
    "--ink": "#1c2024",
    "--muted": "#5b626b",
    "--grid": "#d9dde2",
    "--ours": "#0b6e5e",
    "--ours-2": "#3f9a5f",
    "--ours-3": "#7bbf6a",
    "--ours-4": "#1d8fa8",
    "--server": "#6c7684",
    "--stateless": "#b45f06",
    "--raw-2": "#434b55",
    "--raw-3": "#9aa4b0",
  },
  dark: {
    "--surface": "#14171a",
    "--panel": "#1d2126",
    "--ink": "#e7eaee",
    "--muted": "#a3abb5",
    "--grid": "#343a42",
    "--ours": "#4fd1b5",
    "--ours-2": "#8fdc9a",
    "--ours-3": "#c6ecb0",
    "--ours-4": "#7cc4f0",
    "--server": "#94a0b0",
    "--stateless": "#f0a550",
    "--raw-2": "#c3cad3",
    "--raw-3": "#7e8997",
  },
} as const;

/** The palette as style sheet. */
export function paletteCss(): string {
  const declare = (colours: Record<string, string>) =>
    Object.entries(colours)
      .map(([name, colour]) => `${name}:${colour}`)
      .join(";");
  return `:root{${declare(PALETTE.light)}}@media (prefers-color-scheme:dark){:root{${declare(PALETTE.dark)}}}`;
}

export async function htmlReport(results: Results): Promise<string> {
  const charts = await chartsOf(results);
  const { machine, versions, commit, startedAt, seconds, settings } = results;
  const date = startedAt.slice(0, 16).replace("T", " ");
  const of = (scenario: string, id?: string) =>
    charts.filter(
      (chart) => chart.scenario === scenario && (id === undefined ? chart.id !== "headline" : chart.id === id),
    );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>coatcheck: benchmark of ${date}</title>
<style>${paletteCss()}${CSS}</style>
</head>
<body>
<header>
<h1>coatcheck: is a session in Redis fast enough?</h1>
<p>${escapeHtml(machine.cpu)}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${escapeHtml(machine.os)}; ${escapeHtml(versions["server"] ?? "")}, Node.js ${escapeHtml(versions["node"] ?? "")}, ioredis ${escapeHtml(versions["ioredis"] ?? "")}. ${date} UTC, ${seconds} s${settings.quick ? ", a quick run: expect wide spreads" : ""}, commit ${commit === null ? "unknown" : `${escapeHtml(commit.id)}${commit.dirty ? " with changes" : ""}`}.</p>
</header>
<main>
<section id="conclusions"><h2>In short</h2><p>${conclusionsOf(results).map(escapeHtml).join(" ")}</p></section>
${doorsOf(results)}
${priceOf(results)}
${of("peers", "headline").map(figureOf).join("\n")}
${contentsOf(results)}
${targetsOf(results)}
${fasterOf(results)}
${results.scenarios.map((scenario) => sectionOf(results, scenario, of(scenario.name))).join("\n")}
${leftOutOf(results)}
<section id="method"><h2>Method</h2>${listOf([...METHOD, `${settings.rounds} rounds of ${settings.roundMilliseconds} ms for each contender and load. Load average of the machine when the run began: ${machine.load}.`])}
<h3>What this does not show</h3>${listOf(LIMITS)}
<details><summary>Versions</summary>${tableHtml({
    title: "",
    head: ["", "version"],
    rows: Object.entries(versions).map(([name, version]) => ({ cells: [name, version], ours: name === "coatcheck" })),
  })}</details></section>
</main>
</body>
</html>
`;
}

function sectionOf(results: Results, scenario: ScenarioResult, charts: readonly Chart[]): string {
  const { name, shows, method, limits, contenders, failures, skipped } = scenario;
  const details = detailsOf(results, name);
  const busy = scenario.calm === undefined ? null : busyness(scenario.calm);
  const notes = [
    ...(busy === null ? [] : [`<p class="failed"><strong>No verdict on speed here:</strong> ${escapeHtml(busy)}.</p>`]),
    ...failures.map(
      ({ what, reason }) => `<p class="failed"><strong>Failed:</strong> ${escapeHtml(what)}: ${escapeHtml(reason)}</p>`,
    ),
    ...skipped.map(
      ({ what, reason }) => `<p><strong>Left out:</strong> ${escapeHtml(what)}: ${escapeHtml(reason)}</p>`,
    ),
  ];
  return `<section id="${name}">
<h2>${headingOf(name)}</h2>
<p class="scenario">Scenario <code>${name}</code></p>
<p>${escapeHtml(shows)}</p>
${oddOf(name)}
${notes.join("\n")}
${charts.map(figureOf).join("\n")}
${overviewOf(results, name).map(tableHtml).join("\n")}
${details.length > 0 ? `<details><summary>All figures</summary>${details.map(tableHtml).join("\n")}</details>` : ""}
<details><summary>Contenders: what each does, and what it gives up</summary><dl>${contenders
    .map(
      ({ name, does, givesUp, ours }) =>
        `<dt${ours ? ' class="ours"' : ""}>${escapeHtml(name)}</dt><dd>${escapeHtml(does)}.${givesUp ? ` <em>Gives up:</em> ${escapeHtml(givesUp)}.` : ""}</dd>`,
    )
    .join("")}</dl></details>
<details><summary>How it was measured, and what it does not show</summary>${listOf(method)}${listOf(limits)}</details>
</section>`;
}

/** What a reader calls the scenarios, which have the short names of the command line. */
const HEADINGS: Readonly<Record<string, string>> = {
  lookup: "One lookup, beside raw Redis",
  clients: "ioredis and node-redis",
  near: "Lookups from memory",
  slide: "A touch that slides the deadline",
  peers: "Other libraries, and JWTs",
  "drop-in": "Drop-in stores for express-session",
  jwt: "Session tokens in JWTs, and service tokens",
  http: "Whole requests",
  revocation: "Log-out and revocation",
  memory: "Memory of a session",
  scale: "A Redis Cluster",
};

function headingOf(name: string): string {
  return HEADINGS[name] ?? name;
}

/** What looks odd in the figures of a scenario, and why it is so. */
const ODD: Readonly<Record<string, string>> = {
  lookup:
    "HGETALL of the record is faster than HGETALL of a flat record, although both read one session: coatcheck's record has all times in one field, so it has half as many fields, and each field is parsed by itself. get can be faster than HGETALL for the same reason: its script gives one text, which is decoded in one go.",
  near: "Among 10 000 sessions every contender with a cache takes longer than among 200, because the caches of the processor have less of what it looks up. touch takes longer than peek, because it gives a promise.",
  slide:
    "connect-redis takes less of Redis than a touch that reads: GET and EXPIRE are plain commands on one text, while touch is a script that compares the hash of the secret, and reads the deadlines and claims from a hash. In exchange a request is one round trip and not two, and costs the client less: see the CPU times under Other libraries.",
  revocation:
    "revoke of one session takes a fraction of what the other rows take at 1 000 sessions, because it ends one of them, however many the user has.",
  http: "The clients of these servers run on the same cores. So a framework that answers faster leaves less of them to Redis, and the same lookup takes a larger part of a request on Fastify and Koa than on Express.",
};

function oddOf(name: string): string {
  const text = ODD[name];
  return text === undefined ? "" : `<p><strong>What looks odd:</strong> ${escapeHtml(text)}</p>`;
}

/** For how long a user who has logged out is let in. It is what the report is about, so it comes first. */
function doorsOf(results: Results): string {
  const doors = overviewOf(results, "revocation").filter(({ title }) => title === DOORS);
  if (doors.length === 0) return "";
  return `<section id="doors"><h2>${DOORS}</h2><p>A user logs out while a slow request of theirs is under way, and somebody who has a copy of the cookie or token asks again and again.</p>${doors.map((table) => tableHtml({ ...table, title: "" })).join("")}</section>`;
}

/** The contenders of whole requests between which a reader chooses first. */
const CHOICE = /: (?:no authentication|coatcheck(?:, near)?)$/;

/** What a request costs, from memory too where that was measured. */
function priceOf(results: Results): string {
  const tables = overviewOf(results, "http").map(({ rows, ...table }) => ({
    ...table,
    rows: rows.filter(({ cells: [name = ""] }) => CHOICE.test(name)),
  }));
  if (tables.every(({ rows }) => rows.length === 0)) return "";
  const near = tables.some(({ rows }) => rows.some(({ cells: [name = ""] }) => name.endsWith(", near")));
  const told = near
    ? "With near, the process answers from its memory, and hears of every revocation."
    : "This run has not measured the option near, with which a process answers from its memory.";
  return `<section id="price"><h2>What a request costs</h2><p>Whole requests beside those of the same server without any authentication. ${told}</p>${tables.map(tableHtml).join("")}</section>`;
}

function contentsOf({ scenarios, leftOut = [] }: Results): string {
  const entries = [
    ["targets", "What had to be shown"],
    ...scenarios.map(({ name }) => [name, headingOf(name)]),
    ...(leftOut.length > 0 ? [["left-out", "What this run left out"]] : []),
    ["method", "Method"],
  ];
  const items = entries.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`);
  return `<nav aria-label="Contents"><h2>Contents</h2><ol>${items.join("")}</ol></nav>`;
}

function leftOutOf({ leftOut = [] }: Results): string {
  return leftOut.length === 0
    ? ""
    : `<section id="left-out"><h2>What this run left out</h2>${listOf(leftOut)}</section>`;
}

function targetsOf(results: Results): string {
  const verdicts = judge(results).filter(({ measured }) => measured !== null);
  if (verdicts.length === 0) return "";
  const classes = { reached: "pass", missed: "miss", "no verdict": "open" };
  const rows = verdicts.map((verdict) => {
    const { target, measured, withheld, beside } = verdict;
    const word = wordFor(verdict);
    const why = withheld === null ? "" : `No verdict: ${withheld}. `;
    const small = `${why}${beside ?? ""}`.trim();
    return `<tr class="${classes[word]}" role="row"><th scope="row" role="rowheader">${escapeHtml(target)}${small === "" ? "" : `<small>${escapeHtml(small)}</small>`}</th><td role="cell" data-label="measured">${escapeHtml(measured ?? "")}</td><td role="cell" data-label="verdict">${word}</td></tr>`;
  });
  return `<section id="targets"><h2>What had to be shown</h2><p>Each aim is a multiple of what something else takes in the same run, but for those in bytes, and for the two of near and the one of revokeAll that are a time. Below each stands what was measured beside it.</p><div class="scroll" tabindex="0" role="region" aria-label="Targets"><table role="table"><thead><tr><th scope="col">target</th><th scope="col">measured</th><th scope="col">verdict</th></tr></thead><tbody role="rowgroup">${rows.join("")}</tbody></table></div></section>`;
}

function fasterOf({ figures, scenarios }: Results): string {
  const peers = scenarios.find(({ name }) => name === "peers");
  if (peers === undefined) return "";
  const faster = fasterThanOurs(figures, peers.contenders, 128);
  if (faster.length === 0) return "";
  const items = faster.map(({ contender, times, givesUp }) => `${contender} (${multiple(times)}) gives up ${givesUp}.`);
  return `<section><h2>Who is faster, and what they give up</h2><p>Against a touch of coatcheck, at 128 in flight:</p>${listOf(items)}</section>`;
}

function figureOf({ title, caption, wide, narrow }: Chart): string {
  return `<figure><figcaption><strong>${escapeHtml(title)}</strong> ${escapeHtml(caption)}</figcaption><div class="wide">${wide}</div><div class="narrow">${narrow}</div></figure>`;
}

function tableHtml({ title, head, rows }: Table): string {
  const caption = title === "" ? "" : `<caption>${escapeHtml(title)}</caption>`;
  const header = head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join("");
  const body = rows.map(({ cells: [name = "", ...cells], ours }) => {
    const marked = ours
      ? `<th scope="row" role="rowheader">▸\u00a0${escapeHtml(name)}</th>`
      : `<th scope="row" role="rowheader">${escapeHtml(name)}</th>`;
    const [, ...labels] = head;
    const values = cells.map(
      (cell, at) => `<td role="cell" data-label="${escapeHtml(labels[at] ?? "")}">${escapeHtml(cell)}</td>`,
    );
    return `<tr role="row"${ours ? ' class="ours"' : ""}>${marked}${values.join("")}</tr>`;
  });
  // A wide table scrolls in itself and not the page; the keyboard has to reach it. On a narrow page every cell is a line with its
  // heading, so that nothing is cut; the roles say that it is a table all the same.
  const label = escapeHtml(title || "Table");
  return `<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table role="table">${caption}<thead><tr>${header}</tr></thead><tbody role="rowgroup">${body.join("")}</tbody></table></div>`;
}

function listOf(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
}

const CSS = `
*{box-sizing:border-box}
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main{max-width:1160px;margin:0 auto;padding:0 20px}p,ul,ol,dl,figure{max-width:760px}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}h2{font-size:1.3rem;margin:2.5rem 0 .5rem}h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
header p,caption,figcaption,dd,li{color:var(--muted)}figcaption strong{color:var(--ink);display:block}
.scenario{margin:0;font-size:.85rem;color:var(--muted)}figure{margin:1.5rem 0}figcaption{font-size:.9rem;margin-bottom:.5rem}
svg{display:block;max-width:100%;height:auto}.narrow{display:none}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;padding-bottom:.3rem}
th small{display:block;max-width:34rem;font-weight:normal;color:var(--muted);white-space:normal}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--grid);text-align:right;font-weight:normal;vertical-align:bottom}
td{white-space:nowrap}th:first-child{text-align:left;padding-left:0;min-width:8.5rem}thead th{color:var(--muted)}
tr.ours th,tr.ours td,dt.ours,tr.pass td:last-child{color:var(--ours);font-weight:600}
tr.miss td:last-child,tr.open td:last-child,.failed strong{color:var(--stateless);font-weight:600}
details{margin:1rem 0;background:var(--panel);border-radius:6px;padding:.6rem 1rem}summary{cursor:pointer}
dt{margin-top:.6rem;font-weight:600}dd{margin-left:0}
:focus-visible{outline:2px solid var(--ours);outline-offset:2px}
@media (max-width:720px){.wide{display:none}.narrow{display:block}header,main{padding:0 16px}details{padding:.6rem .7rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,caption,tbody,tr,th,td{display:block}tr{padding:.5rem 0;border-bottom:1px solid var(--grid)}
th:first-child{min-width:0}th,td{border:0;padding:.1rem 0;white-space:normal;text-align:left}
tbody th{font-weight:600}td{display:flex;justify-content:space-between;gap:1rem}td::before{content:attr(data-label);color:var(--muted);font-weight:normal}}
nav ol{columns:2;padding-left:1.5rem}nav a{color:var(--ours)}@media (max-width:720px){nav ol{columns:1}}
`;
