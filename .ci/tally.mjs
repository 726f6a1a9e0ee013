/**
 * Sums the reports of several test runs: `node tally.mjs <exit status>:<report.json> …`. It prints what each run has passed in
 * each folder, so that it shows which cases ran on which client, and then a line for each run, by the name of its report. The
 * last line is exactly `N passed, N failed`, and the exit status is 0 only if nothing failed.
 *
 * A test that was skipped or is still to be written counts as failed, since here every test has to run. So does a file that
 * broke outside of its tests, and a run that ended badly, left no report, or ran no test at all.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, relative } from "node:path";

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
    if (test.status !== "passed") fail(1, `${path}: ${test.status}: ${test.fullName}`);
  }
  for (const file of files) {
    const isExplained = file.assertionResults.some((test) => test.status === "failed");
    if (file.status === "failed" && !isExplained) fail(1, `${path}: failed outside of its tests: ${file.name}`);
  }
  if (tests.length === 0) fail(1, `${path}: no test ran`);
  if (status !== "0" && failed === failedBefore) fail(1, `${path}: the run ended with status ${status}`);
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
