/** The report as one page that needs nothing else: no script, no font, no request. */
import escapeHtml from "escape-html";
import { LIMITS, METHOD, type Results, type ScenarioResult } from "../results.ts";
import { fasterThanOurs, judge } from "../targets.ts";
import { type Chart, chartsOf } from "./charts.ts";
import { multiple } from "./numbers.ts";
import { detailsOf, overviewOf, type Table } from "./tables.ts";

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
${of("peers", "headline").map(figureOf).join("\n")}
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
  const notes = [
    ...failures.map(
      ({ what, reason }) => `<p class="failed"><strong>Failed:</strong> ${escapeHtml(what)}: ${escapeHtml(reason)}</p>`,
    ),
    ...skipped.map(
      ({ what, reason }) => `<p><strong>Left out:</strong> ${escapeHtml(what)}: ${escapeHtml(reason)}</p>`,
    ),
  ];
  return `<section id="${name}">
<h2>${["http", "jwt"].includes(name) ? name.toUpperCase() : `${name[0]?.toUpperCase()}${name.slice(1)}`}</h2>
<p>${escapeHtml(shows)}</p>
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

function leftOutOf({ leftOut = [] }: Results): string {
  return leftOut.length === 0
    ? ""
    : `<section id="left-out"><h2>What this run left out</h2>${listOf(leftOut)}</section>`;
}

function targetsOf({ figures }: Results): string {
  const verdicts = judge(figures).filter(({ measured }) => measured !== null);
  if (verdicts.length === 0) return "";
  const rows = verdicts.map(
    ({ target, measured, reached, beside }) =>
      `<tr class="${reached ? "pass" : "miss"}"><th scope="row">${escapeHtml(target)}${beside === null ? "" : `<small>${escapeHtml(beside)}</small>`}</th><td>${escapeHtml(measured ?? "")}</td><td>${reached ? "reached" : "missed"}</td></tr>`,
  );
  return `<section id="targets"><h2>What had to be shown</h2><p>The aims were set before the suite was written. Below each stands what was measured beside it in the same run.</p><div class="scroll" tabindex="0" role="region" aria-label="Targets"><table><thead><tr><th scope="col">target</th><th scope="col">measured</th><th scope="col"></th></tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
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
      ? `<th scope="row">▸\u00a0${escapeHtml(name)}</th>`
      : `<th scope="row">${escapeHtml(name)}</th>`;
    return `<tr${ours ? ' class="ours"' : ""}>${marked}${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  // A wide table scrolls in itself and not the page; the keyboard has to reach it.
  const label = escapeHtml(title || "Table");
  return `<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>${caption}<thead><tr>${header}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
}

function listOf(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join("")}</ul>`;
}

const CSS = `
*{box-sizing:border-box}
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main{max-width:760px;margin:0 auto;padding:0 20px}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}h2{font-size:1.3rem;margin:2.5rem 0 .5rem}h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
header p,caption,figcaption,dd,li{color:var(--muted)}figcaption strong{color:var(--ink);display:block}
figure{margin:1.5rem 0}figcaption{font-size:.9rem;margin-bottom:.5rem}
svg{display:block;max-width:100%;height:auto}.narrow{display:none}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;padding-bottom:.3rem}
th small{display:block;max-width:34rem;color:var(--muted);white-space:normal}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--grid);text-align:right;font-weight:normal;vertical-align:bottom}
td{white-space:nowrap}th:first-child{text-align:left;padding-left:0;min-width:8.5rem}thead th{color:var(--muted)}
tr.ours th,tr.ours td,dt.ours,tr.pass td:last-child{color:var(--ours);font-weight:600}
tr.miss td:last-child,.failed strong{color:var(--stateless);font-weight:600}
details{margin:1rem 0;background:var(--panel);border-radius:6px;padding:.6rem 1rem}summary{cursor:pointer}
dt{margin-top:.6rem;font-weight:600}dd{margin-left:0}
:focus-visible{outline:2px solid var(--ours);outline-offset:2px}
@media (max-width:720px){.wide{display:none}.narrow{display:block}header,main{padding:0 16px}details{padding:.6rem .7rem}}
`;
