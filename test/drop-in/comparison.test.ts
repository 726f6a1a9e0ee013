/**
 * Our stores and those that they replace, side by side under the same requests, on the real frameworks: what must hold for
 * ours, what the others lose, and the table in docs/drop-in.md that says so.
 */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { answersWhileRedisHangs, type Findings, findingsOf } from "./findings.js";
import { FRAMEWORKS, type Framework } from "./rig.js";
import { startSubjects } from "./subjects.js";
import { tableOf } from "./table.js";

const subjects = await startSubjects();

const frameworks = FRAMEWORKS.map((framework) => ({
  framework,
  ours: { store: subjects.ours(framework), findings: {} as Findings },
  oursOnNodeRedis: { store: subjects.ours(framework, "node-redis"), findings: {} as Findings },
  oursOnNodeRedis5: { store: subjects.ours(framework, "node-redis 5"), findings: {} as Findings },
  theirs: { store: subjects.theirs(framework), findings: {} as Findings },
}));

beforeAll(async () => {
  const all = frameworks.flatMap(({ framework: _, ...subjects }) => Object.values(subjects));
  for (const subject of all) subject.findings = await findingsOf(subject.store);
  const answers = await answersWhileRedisHangs(
    subjects.server,
    all.map(({ store }) => store),
  );
  all.forEach((subject, at) => {
    subject.findings = { ...subject.findings, whenRedisHangs: answers[at] as Findings["whenRedisHangs"] };
  });
}, 120_000);

/** In which cases a session comes back with the store that ours replaces. */
const LOST: Readonly<Record<Framework, readonly string[]>> = {
  "express-session": ["change", "resave", "saveTwice", "reload", "newSaveTwice", "regenerate"],
  // It saves at the end of every request, unless it is told not to.
  "@fastify/session": ["change", "read", "rolling", "resave", "saveTwice", "reload", "newSaveTwice", "regenerate"],
  // It knows neither `resave` nor a `reload`: there the request changes the session, and that is all.
  "koa-session": ["change", "rolling", "saveTwice", "reload", "newSaveTwice", "regenerate"],
};

describe.each(frameworks)("$framework", ({ framework, ours, oursOnNodeRedis, oursOnNodeRedis5, theirs }) => {
  describe.each([
    ["ioredis", ours],
    ["node-redis", oursOnNodeRedis],
    ["node-redis 5", oursOnNodeRedis5],
  ] as const)("with our store on %s", (_, subject) => {
    it("brings no session back that was destroyed while a request was under way", () => {
      const back = Object.entries(subject.findings.resurrected).filter(([, came]) => came);
      expect(back).toEqual([]);
    });

    it("keeps what 20 requests at once have changed", () => {
      expect(subject.findings.kept).toBe(20);
    });

    it("gives the last of two requests the word on a property that both change", () => {
      expect(subject.findings.lastWriter).toBe("b");
    });

    it("costs a request that changes nothing no more round trips", () => {
      expect(subject.findings.roundTrips).toBeGreaterThan(0);
      expect(subject.findings.roundTrips).toBeLessThanOrEqual(theirs.findings.roundTrips);
    });

    it("ends a session at the ms that its record says, and moves that with the session", () => {
      expect(Math.abs(subject.findings.excess)).toBeLessThan(450);
      expect(subject.findings.expiryMoves).toBe(true);
    });

    it("answers 503 within the deadline when Redis hangs", () => {
      expect(subject.findings.whenRedisHangs).toBe(503);
    });

    it("lists, changes and ends the sessions of a user", () => {
      expect(subject.findings.userCalls).toBe(true);
    });
  });

  describe("with the store that ours replaces", () => {
    it("brings destroyed sessions back", () => {
      const back = Object.entries(theirs.findings.resurrected).filter(([, came]) => came);
      expect(back.map(([what]) => what)).toEqual(LOST[framework]);
    });

    it("keeps what one of 20 requests at once has changed", () => {
      expect(theirs.findings.kept).toBe(1);
    });

    it("ends a session up to a second late, hangs with Redis, and knows no users", () => {
      // Half a second is rounded up to a whole one.
      expect(theirs.findings.excess).toBeGreaterThan(450);
      expect(theirs.findings.whenRedisHangs).toBe("no answer");
      expect(theirs.findings.userCalls).toBe(false);
    });
  });
});

it("is what the table in docs/drop-in.md says", () => {
  const docs = readFileSync(new URL("../../docs/drop-in.md", import.meta.url), "utf8");
  const table = tableOf(
    frameworks.map(({ framework, ours, theirs }) => ({ framework, ours: ours.findings, theirs: theirs.findings })),
  );
  expect(docs).toContain(table);
});
