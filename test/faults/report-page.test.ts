/** The page of the faults: a section that was measured anew takes the place of the old one, and the others stay. */
import { describe, expect, it } from "vitest";
import type { FaultRow } from "./fault.js";
import { sectionOf, withSections } from "./report-page.js";

const row = (more: Partial<FaultRow> = {}): FaultRow => ({
  ...{ section: "Failover", fault: "master killed", servers: "Redis 7.0.15", times: 2, operations: 1200 },
  ...{ errors: { STORE_UNAVAILABLE: 3 }, broken: [], outage: 2800, recovery: null },
  ...more,
});

describe("a section", () => {
  it("says how it was measured, and sums up its rows", () => {
    const text = sectionOf("Failover", [row(), row({ broken: ["P1: it came back"] })], "Measured on a day");
    expect(text).toContain("Measured on a day: 4 faults, 2 400 calls, **promises broken: 1**.");
    expect(text).toContain(
      "| master killed | Redis 7.0.15 | 1 200 | 3 STORE_UNAVAILABLE | 0 | 2.8 s |  | injected: 2 times |",
    );
    expect(text).toContain("**1**: P1: it came back");
  });

  it("has the column of what was served after a revocation only if that was measured", () => {
    expect(sectionOf("Failover", [row()], "")).not.toContain("served after a revocation");
    const near = sectionOf("Near cache", [row({ stale: 953.2 })], "");
    expect(near).toContain("| promises broken | served after a revocation | outage seen |");
    expect(near).toContain("| 0 | 953 ms | 2.8 s |");
  });
});

describe("the page", () => {
  const before = withSections(
    "",
    new Map([
      ["Soak", "## Soak\n\nlong\n"],
      ["Networks", "## Networks\n\nold\n"],
    ]),
  );

  it("has its sections in order, whichever was measured first", () => {
    const page = withSections(before, new Map([["Near cache", "## Near cache\n\nnew\n"]]));
    expect(page.match(/^## .*$/gm)).toEqual(["## Networks", "## Near cache", "## Soak"]);
  });

  it("keeps every other section as it is", () => {
    const page = withSections(before, new Map([["Networks", "## Networks\n\nnew\n"]]));
    expect(page).toBe(before.replace("\n\nold\n", "\n\nnew\n"));
    expect(withSections(page, new Map())).toBe(page);
  });
});
