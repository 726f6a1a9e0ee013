/** What cases demand of answers. Each failure says in plain words what is wrong; an author of an adapter reads it. */
import { AssertionError } from "node:assert";
import type { Answer } from "./exchange.js";

/** Fails with `complaint`, what was expected and what came, unless both are equal as JSON. */
export function demandEqual(actual: unknown, expected: unknown, complaint: string): void {
  // As text, because in Jest an array that Node has made is of another realm, and so never deeply equal to one of the test.
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  const message = `${complaint}\n  expected: ${JSON.stringify(expected)}\n  got:      ${JSON.stringify(actual)}`;
  throw new AssertionError({ message, actual, expected, operator: "deepStrictEqual", stackStartFn: demandEqual });
}

/** Fails with `complaint` unless the condition holds. */
export function demand(condition: boolean, complaint: string): asserts condition {
  if (!condition)
    throw new AssertionError({ message: complaint, actual: condition, expected: true, stackStartFn: demand });
}

/** Fails unless the answer has this status. */
export function demandStatus({ request, status, body }: Answer, expected: number, why: string): void {
  const said = body === "" ? "an empty body" : `the body ${JSON.stringify(body.slice(0, 300))}`;
  demandEqual(status, expected, `${request} must be answered with ${expected}: ${why}. It came with ${said}.`);
}

/** The body of an answer as an object of JSON. */
export function jsonOf({ request, body }: Answer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // The demand below tells what came instead.
  }
  const isObject = typeof value === "object" && value !== null;
  demand(isObject, `${request} must be answered with JSON, and came with ${JSON.stringify(body.slice(0, 300))}.`);
  return value as Record<string, unknown>;
}

/** The values of a header that is a list, in lower case. */
export function listIn({ headers }: Answer, name: "vary" | "cache-control"): string[] {
  return (headers[name] ?? "").split(",").flatMap((value) => value.trim().toLowerCase() || []);
}

/** Fails unless the answer says to caches that it is only for this user. */
export function demandNoStore(answer: Answer): void {
  const complaint = `${answer.request} is answered for one user, so Cache-Control must have no-store. Keep every header of appendHeader.`;
  demand(listIn(answer, "cache-control").includes("no-store"), complaint);
}
