/**
 * The process of one contender: it opens the contender at one or more places and puts load on it when it is told to. So the
 * garbage and the compiled code of one contender are no burden for another. Started by `field.ts` and ended with it. A
 * scenario's file has the scenario's name.
 */
import { type Load, putLoad, type Round } from "./load.ts";
import type { ClientContender, Opened, Place, Scenario } from "./scenario.ts";
import { putTight, type TightLoad } from "./tight.ts";

export type Order =
  | { readonly kind: "open"; readonly place: Place }
  | { readonly kind: "prepare"; readonly place: number }
  | { readonly kind: "round"; readonly place: number; readonly load: Load | TightLoad };

export type Reply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly round: Round }
  | { readonly kind: "failed"; readonly reason: string };

const [scenarioName = "", contenderName = ""] = process.argv.slice(2);
// Its own scenario alone: a start is to cost no more than it must.
const modules = (await import(`./scenarios/${scenarioName}.ts`)) as Record<string, Scenario>;
const contender = Object.values(modules)
  .find(({ name }) => name === scenarioName)
  ?.contenders.find(({ name }) => name === contenderName) as ClientContender;
const places: Opened[] = [];

async function obey(order: Order): Promise<Reply> {
  if (order.kind === "open") {
    places.push(await contender.open(order.place));
    return { kind: "ready" };
  }
  const opened = places[order.place];
  if (opened === undefined) throw new Error(`There is no place number ${order.place}.`);
  if (order.kind === "round") return { kind: "done", round: await underLoad(opened, order.load) };
  await opened.prepare?.();
  return { kind: "ready" };
}

function underLoad({ call, tight }: Opened, load: Load | TightLoad): Promise<Round> {
  if (load.kind !== "tight") return putLoad(call, load);
  if (tight === undefined) throw new Error(`${contenderName} has no tight call.`);
  return putTight(tight, load);
}

process.on("disconnect", () => process.exit());
process.on("message", (order: Order) => {
  obey(order)
    .catch((error: unknown): Reply => ({ kind: "failed", reason: reasonOf(error) }))
    .then((reply) => process.send?.(reply));
});
process.on("uncaughtException", (error) => {
  process.send?.({ kind: "failed", reason: reasonOf(error) } satisfies Reply, () => process.exit(1));
});

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
