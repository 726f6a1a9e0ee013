/** The report: tables, charts, the page, and what the documents take over. */
import escapeHtml from "escape-html";
import { describe, expect, it, vi } from "vitest";
import { fasterThanOurs } from "../../bench/faster.js";
import { type Figure, select } from "../../bench/figures.js";
import { COLOURS, withVariables } from "../../bench/report/charts/drawing.js";
import { chartsOf } from "../../bench/report/charts.js";
import { conclusionsOf } from "../../bench/report/conclusions.js";
import { htmlReport, PALETTE } from "../../bench/report/html.js";
import {
  BEGIN,
  between,
  briefOf,
  clientsOf,
  dropInOf,
  END,
  nearOf,
  serviceTokensOf,
  summaryOf,
} from "../../bench/report/markdown.js";
import { overviewOf } from "../../bench/report/tables.js";
import { terminalReport } from "../../bench/report/terminal.js";
import { METHOD } from "../../bench/results.js";
import { judge, wordFor } from "../../bench/targets.js";
import { everything, figure, NAMES } from "./made-up-run.js";

let page: Promise<string> | undefined;
/** Drawn once for all tests. */
function pageOfEverything(): Promise<string> {
  page ??= htmlReport(everything());
  return page;
}

// Drawing every chart takes long on a machine that is busy.
describe("the report", { timeout: 120_000 }, () => {
  it("has an overview of every scenario, with our rows marked", () => {
    const results = everything();
    for (const name of NAMES) {
      const tables = overviewOf(results, name);
      expect(tables.length, name).toBeGreaterThan(0);
      expect(tables.flatMap(({ rows }) => rows).filter(({ ours }) => ours).length, name).toBeGreaterThan(0);
    }
  });

  it("has a chart for every scenario, drawn without a complaint, in colours of the page alone", async () => {
    const complaints = vi.spyOn(console, "warn").mockImplementation(() => {});
    const charts = await chartsOf(everything());
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();
    expect([...new Set(charts.map(({ scenario }) => scenario))].toSorted()).toEqual(NAMES.toSorted());
    for (const { id, wide, narrow } of charts) {
      for (const svg of [wide, narrow]) {
        expect(svg, id).toContain('role="img"');
        // What is not a variable would be the same in light and in dark.
        const fixed = [...svg.matchAll(/(?:fill|stroke)="(?!none|transparent|var\(|url\()([^"]*)"/g)].map(
          ([, colour]) => colour,
        );
        expect(fixed, id).toEqual([]);
        expect(svg, id).not.toMatch(/NaN|undefined/);
      }
      const width = Number(/width="([\d.]+)"/.exec(narrow)?.[1]);
      expect(width, `${id} on a narrow page`).toBeLessThanOrEqual(375);
    }
  });

  it("knows every colour of the drawings in light and in dark", () => {
    for (const variable of Object.values(COLOURS)) {
      expect(Object.keys(PALETTE.light)).toContain(variable);
      expect(Object.keys(PALETTE.dark)).toContain(variable);
    }
    expect(withVariables('<svg ><path fill="#040404"/></svg>', "x", 'a "b"')).toBe(
      '<svg role="img" aria-label="a &quot;b&quot;" ><path fill="var(--ours)"/></svg>',
    );
  });

  it("puts the summary between the markers of a document, again and again", () => {
    const document = `before\n${BEGIN}\nold\n${END}\nafter\n`;
    const once = between(document, "new\n");
    expect(once).toBe(`before\n${BEGIN}\nnew\n${END}\nafter\n`);
    expect(between(once, "new")).toBe(once);
    for (const wrong of ["", BEGIN, `${END}\n${BEGIN}`, `${BEGIN}${BEGIN}${END}`]) {
      expect(() => between(wrong, "new")).toThrow("it needs the line");
    }
  });

  it("has no two columns of one name in a table, because a narrow page shows them one below another", () => {
    for (const name of NAMES)
      for (const { title, head } of overviewOf(everything(), name))
        expect(head, `${name}: ${title}`).toEqual([...new Set(head)]);
  });

  it("keeps the weights of one server apart from those of another", async () => {
    const weigh = (value: number, rest: Figure["at"] = {}) =>
      figure({ scenario: "memory", metric: "memory", contender: "coatcheck", value, at: { perUser: 3, ...rest } });
    const figures = [weigh(380, { server: "Valkey 8.1.1" }), weigh(463)];
    const results = { ...everything(), figures };
    expect(overviewOf(results, "memory").map(({ title, rows }) => [title, rows.map(({ cells }) => cells)])).toEqual([
      ["Bytes per session", [["coatcheck", "463"]]],
      ["Bytes per session, Valkey 8.1.1", [["coatcheck", "380"]]],
    ]);
    expect(summaryOf(results, "a.json")).toContain(
      [
        ...["| *Valkey 8.1.1* | | | |", "| **coatcheck** | – | 380 | – |"],
        ...["| *Redis 7.0.15* | | | |", "| **coatcheck** | – | 463 | – |"],
      ].join("\n"),
    );
    const chart = (await chartsOf(results)).find(({ id }) => id === "memory");
    expect(chart?.wide).toContain(">463<");
    expect(chart?.wide).not.toContain(">380<");
  });

  it("has tables for the documents on service tokens and on drop-in stores, where a run measured them", () => {
    const results = everything();
    const life = (ttl: number, clockTolerance: number, value: number) =>
      figure({
        scenario: "jwt",
        metric: "still accepted",
        contender: "service token",
        at: { ttl, clockTolerance },
        value,
      });
    const figures = [
      ...results.figures.filter(({ scenario, metric }) => scenario !== "jwt" || metric !== "still accepted"),
      ...[life(1, 0, 0.7), life(1, 5, 5.7), life(5, 5, 9.7)],
    ];
    const tokens = serviceTokensOf({ ...results, figures }, "a.json");
    expect(tokens).toContain(
      "| | with `clockTolerance: 0` | with `clockTolerance: 5000` |\n| - | - | - |\n" +
        "| `ttl` of 1 s | 0.7 s | 5.7 s |\n| `ttl` of 5 s | – | 9.7 s |",
    );
    expect(tokens).toContain("| | one at a time | 128 in flight |\n| - | - | - |\n| **store.get** | 1.00 × | 1.00 × |");
    const stores = dropInOf(results, "a.json");
    expect(stores).toMatch(/\| \*\*ioredis: coatcheck, get \+ touch\*\* \| [\d. ]+ × \| [\d. ]+ × \| [\d. ]+ × \|/);
    expect(stores).not.toContain("| ioredis: connect-redis");
    const clients = clientsOf(results, "a.json");
    expect(clients).toContain("`npm run bench -- --only clients` measures this part on your machine.");
    expect(clients).toMatch(/\| \*\*node-redis: touch\*\* \| [\d. ]+ × \| [\d. ]+ × \| [\d. ]+ × \|/);
    expect(clients).toMatch(/\| node-redis: connect-redis 9, get \+ touch \|/);
    const without = { ...results, figures: select(results.figures, { scenario: "peers" }) };
    const pages = [serviceTokensOf, dropInOf, clientsOf].map((page) => page(without, "a.json"));
    expect(pages).toEqual([null, null, null]);
  });

  it("says of the near cache what it takes, what it gives up and how often it helps, where a run measured it", () => {
    const results = everything();
    const text = nearOf(results, "a.json") ?? "";
    expect(text).toContain("`npm run bench -- --only near --only http --only revocation`");
    expect(text).toContain("| | 200 sessions, ns | of `peek` | 10 000 sessions, ns | of `peek` | what it gives up |");
    expect(text).toContain("| **peek** | 7.7 | 1.00 × | 7.7 | 1.00 × | the immediacy of a revocation");
    expect(text).toMatch(/\| fast-jwt HS256, cached \|.*\| revocation: who has logged out/);
    expect(text).toMatch(/\| Express \| 10 × \| 100 × \|/);
    expect(text).toMatch(/\| \*\*coatcheck, near, cut off\*\* \| [\d.]+ \|/);
    expect(text).toContain("| `rT / (1 + rT)` | 77 % |");
    // The same in the summary, and a sentence of it in the README and on the page.
    for (const line of text.split("\n").slice(4)) expect(summaryOf(results, "a.json")).toContain(line);
    expect(briefOf(results)).toContain("A lookup from memory: 7.7 ns, 100 × as fast as fast-jwt with its cache.");
    expect(conclusionsOf(results).join(" ")).toMatch(/With near, that is [\d .]+ s after a log-out in another process/);
    const without = { ...results, figures: select(results.figures, { scenario: "peers" }) };
    expect(nearOf(without, "a.json")).toBeNull();
    const all = [briefOf(without), summaryOf(without, "a.json"), ...conclusionsOf(without)].join(" ");
    // A row of the alternatives is named after it.
    expect(all.replaceAll("coatcheck touch, near", "")).not.toMatch(/memory:|near/);
  });

  it("says in the README what a lookup in Redis takes, where a run measured it", () => {
    const results = everything();
    expect(briefOf(results)).toMatch(
      /A lookup in Redis that keeps the session alive: [\d.]+ ms \(p50, one at a time\)\. One process makes [\d. ]+ a second \(128 in flight\): [\d.]+ × the rate of connect-redis get \+ touch, [\d.]+ × the rate of jose HS256\./,
    );
    const without = { ...results, figures: select(results.figures, { scenario: "near" }) };
    expect(briefOf(without)).not.toContain("lookup in Redis");
  });

  it("says what a quick run left out, on the page and on a terminal", async () => {
    const results = { ...everything(), leftOut: ["the scenario <b>"] };
    expect(await htmlReport(results)).toContain("<li>the scenario &lt;b&gt;</li>");
    expect(terminalReport(results, { colour: false })).toContain("Left out\n  the scenario <b>");
    expect(await pageOfEverything()).not.toContain("left-out");
  });

  it("has every target on the page and in the summary, with what stands beside it", async () => {
    const results = everything();
    const page = await pageOfEverything();
    const [summary, terminal] = [summaryOf(results, "a.json"), terminalReport(results, { colour: false })];
    const judged = judge(results).filter(({ measured }) => measured !== null);
    expect(new Set(judged.map(({ reached }) => reached))).toEqual(new Set([true, false, null]));
    for (const verdict of judged) {
      const { target, measured, reached, withheld, beside } = verdict;
      const word = wordFor(verdict);
      expect(page).toContain(
        `${escapeHtml(beside ?? "")}</small></th><td role="cell" data-label="measured">${measured}`,
      );
      expect(page).toContain(`data-label="verdict">${word}</td>`);
      const why = withheld === null ? "" : `No verdict: ${withheld}. `;
      const shown = reached === true ? word : `**${word}**`;
      expect(summary).toContain(`| ${target} | ${measured} | ${shown} | ${why}${beside} |`);
      if (reached === false) expect(terminal).toContain(`MISS ${target}\n     ${beside}`);
      if (withheld !== null) expect(terminal).toContain(`No verdict on "${target}": ${withheld}.`);
      expect(briefOf(results).includes(`Missed: ${target}; it was ${measured}.`)).toBe(reached === false);
    }
    const open = judged.filter(({ reached }) => reached === null).length;
    const count = judged.filter(({ reached }) => reached === true).length;
    expect(briefOf(results)).toContain(
      `Of ${judged.length} targets it reached ${count}. On ${open} there is no verdict`,
    );
  });

  it("begins with conclusions in sentences, the losses among them, and with what it is about", async () => {
    const results = everything();
    const sentences = conclusionsOf(results);
    const page = await pageOfEverything();
    for (const sentence of sentences) expect(page).toContain(escapeHtml(sentence));
    const [text, faster] = [sentences.join(" "), fasterThanOurs(results.figures, [], 128)];
    expect(faster.length).toBeGreaterThan(0);
    for (const { contender } of faster) expect(text).toContain(contender);
    expect(text).toMatch(/Of \d+ aims it reached \d+ and missed \d+; on \d+ there is no verdict/);
    const order = [
      "In short",
      "For how long a logged-out user is still let in",
      "What a request costs",
      "Contents",
      "What had to be shown",
      "Method",
    ];
    expect(order.map((title) => page.indexOf(`<h2>${title}</h2>`))).toEqual(
      order.map((title) => page.indexOf(`<h2>${title}</h2>`)).toSorted((a, b) => a - b),
    );
    expect(conclusionsOf({ ...results, figures: [] })).toEqual([]);
  });

  it("puts a request with near beside one without, where a run has measured it", async () => {
    const results = everything();
    const sectionOf = (page: string) => /<section id="price">.*?<\/section>/s.exec(page)?.[0] ?? "";
    const figures = results.figures.filter(({ contender }) => !contender.endsWith(", near"));
    const without = sectionOf(await htmlReport({ ...results, figures }));
    expect(without).toContain("Express: no authentication");
    expect(without).not.toContain("JWT");
    expect(without).toContain("has not measured the option near");
    const near = figure({
      scenario: "http",
      metric: "requests",
      contender: "Express: coatcheck, near",
      value: 9,
      at: { framework: "Express" },
    });
    const withNear = sectionOf(
      await htmlReport({ ...results, figures: [...select(results.figures, { scenario: "http" }), near] }),
    );
    expect(withNear).toContain("Express: coatcheck, near");
    expect(withNear).not.toContain("has not measured");
  });

  it("has a table of contents whose links lead somewhere, and says so where the machine was busy", async () => {
    const links = [...(await pageOfEverything()).matchAll(/<a href="#([^"]+)">/g)].map(([, id]) => id);
    expect(links).toEqual(["targets", ...NAMES, "method"]);
    for (const id of links) expect(await pageOfEverything()).toContain(`<section id="${id}">`);
    const { scenarios, ...rest } = everything();
    const calm = { cores: 2, others: 1.1, stolen: 0, waiting: 1 };
    const busy = { ...rest, scenarios: scenarios.map((scenario) => ({ ...scenario, calm })) };
    const sentence = "other processes took 1.1 of 2 cores";
    expect(await htmlReport(busy)).toContain(`<strong>No verdict on speed here:</strong> ${sentence}.`);
    expect(terminalReport(busy, { colour: false })).toContain("--wait waits until it is calm");
  });

  it("says how coordinated omission is treated", () => {
    expect(METHOD.join(" ")).toMatch(/coordinated omission/);
  });
});
