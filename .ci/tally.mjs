/**
 * Sums the reports of several test runs: `node tally.mjs <exit status>:<report.json> …`. It prints what each run has passed in
 * each folder, so that it shows which cases ran on which client, and then a line for each run, by the name of its report. The
 * last line is exactly `N passed, N failed`, and the exit status is 0 only if nothing failed.
 *
 * A test that was skipped or is still to be written counts as failed, since here every test has to run. So does a file that
 * broke outside of its tests, and a run that ended badly, left no report, or ran no test at all.
 *
 * Whoever reads only the end of a long output has to find the cause there: what failed is printed with its first lines, and of a
 * run that ended badly although each test has passed, what its log (`report.log` beside `report.json`) says of the errors that
 * no test has caught.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

let passed = 0;
let failed = 0;
/** How many tests each run has passed, by folder. */
const folders = new Map();
const lines = [];

function fail(count, reason) {
  if (count === 0) return;
  failed += count;
  console.log(reason);
}

/** How many lines of an error, and of a log that does not say where its error is, are printed. */
const ERROR_LINES = 12;
const LOG_LINES = 60;

function failedTest(path, { status, fullName, failureMessages }) {
  const messages = failureMessages.map((message) => message.split("\n").slice(0, ERROR_LINES).join("\n"));
  return [`${path}: ${status}: ${fullName}`, ...messages].join("\n");
}

/** The part of a log that vitest begins with "Unhandled Errors", or its end. */
function causeIn(log) {
  const lines = stripVTControlCharacters(readFileSync(log, "utf8")).split("\n");
  const start = lines.findIndex((line) => line.includes("Unhandled"));
  return lines
    .slice(start === -1 ? -LOG_LINES : start)
    .slice(0, LOG_LINES)
    .join("\n");
}

for (const argument of process.argv.slice(2)) {
  const [, status, path] = /^(\d+):(.+)$/.exec(argument) ?? [];
  let files;
  try {
    files = JSON.parse(readFileSync(path, "utf8")).testResults;
  } catch (error) {
    fail(1, `${argument}: no report (${error.message})`);
    continue;
  }

  const failedBefore = failed;
  const tests = files.flatMap((file) => file.assertionResults);
  passed += tests.filter((test) => test.status === "passed").length;
  for (const test of tests) {
    if (test.status !== "passed") fail(1, failedTest(path, test));
  }
  for (const file of files) {
    const isExplained = file.assertionResults.some((test) => test.status === "failed");
    if (file.status === "failed" && !isExplained) fail(1, `${path}: failed outside of its tests: ${file.name}`);
  }
  if (tests.length === 0) fail(1, `${path}: no test ran`);
  if (status !== "0" && failed === failedBefore) {
    fail(1, `${path}: the run ended with status ${status}\n${causeIn(path.replace(/json$/, "log"))}`);
  }
  // The name of a run says what it was on.
  const run = basename(path, ".json");
  const ran = tests.filter((test) => test.status === "passed").length;
  for (const { name, assertionResults } of files) {
    const folder = dirname(relative(process.cwd(), name));
    const counts = folders.get(folder) ?? new Map();
    const more = assertionResults.filter((test) => test.status === "passed").length;
    folders.set(folder, counts.set(run, (counts.get(run) ?? 0) + more));
  }
  lines.push(`${run}: ${ran} passed, ${failed - failedBefore} failed, in ${files.length} files`);
}
for (const folder of [...folders.keys()].sort()) {
  const counts = [...folders.get(folder)].filter(([, count]) => count > 0);
  console.log(`${folder}: ${counts.map(([run, count]) => `${run} ${count}`).join(", ")}`);
}
for (const line of lines) console.log(line);
if (process.argv.length < 3) fail(1, "no test run");

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
