/**
 * The contenders of one scenario, each in a process of its own, and the rounds in which they take turns. One that fails is
 * reported and leaves; the others go on.
 */
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Order, Reply } from "./contender-process.ts";
import { type Circumstances, describe, figuresOf, type Series } from "./figures.ts";
import { type Load, latenciesOf, type Round } from "./load.ts";
import { endProcess, nextMessage, STARTERS, startProcess } from "./processes.ts";
import type { Spent } from "./redis-under-test.ts";
import type { Bench, ClientContender, Place } from "./scenario.ts";
import type { TightLoad } from "./tight.ts";
import { turnOf } from "./turns.ts";
import { share } from "./workers.ts";

/** One set of circumstances under which every contender is measured. */
export interface Heat {
  readonly at: Circumstances;
  /** Index of the place. */
  readonly place: number;
  readonly load: Load | TightLoad;
}

/** Part of a round's time that the first round takes, which warms up. */
const WARM_UP = 0.5;

/** Where contenders can be opened, and who counts what its server spends. */
export interface Ground {
  readonly place: Place;
  readonly spent: () => Promise<Spent>;
}

export interface FieldOptions {
  readonly scenario: string;
  readonly contenders: readonly ClientContender[];
  readonly baseline: string;
}

interface Member {
  readonly contender: ClientContender;
  readonly child: ChildProcess;
}

interface Measured extends Round {
  readonly server: Spent;
}

const PROGRAM = fileURLToPath(new URL("./contender-process.ts", import.meta.url));
/** A round that is over by so much will not end any more. */
const PATIENCE = 60_000;

/** Starts the contenders and opens each at every place. Each contender's keys begin with the place's prefix and its number. */
export async function openField(bench: Bench, options: FieldOptions, grounds: readonly Ground[]): Promise<Field> {
  const contenders = options.contenders.filter(({ notInQuick }) => !(bench.settings.quick && notInQuick));
  const left = options.contenders.filter((one) => !contenders.includes(one)).map(({ name }) => name);
  if (left.length > 0) bench.skip(left.join("; "), "this is a quick run, and these are variants of others");
  const field = new Field(bench, { ...options, contenders }, grounds);
  bench.defer(() => field.close());
  await field.open();
  return field;
}

export class Field {
  readonly #bench: Bench;
  readonly #options: FieldOptions;
  readonly #grounds: readonly Ground[];
  #members: Member[] = [];

  constructor(bench: Bench, options: FieldOptions, grounds: readonly Ground[]) {
    this.#bench = bench;
    this.#options = options;
    this.#grounds = grounds;
  }

  async open(): Promise<void> {
    const { scenario, contenders } = this.#options;
    const { progress, signal } = this.#bench;
    progress.begin(`${scenario}: start`, contenders.length);
    await share(contenders.entries(), { workers: STARTERS }, async ([number, contender]) => {
      signal.throwIfAborted();
      await this.#start(number, contender);
      progress.step(contender.name);
    });
    // They take turns in the order of the scenario, whoever was first to start.
    this.#members.sort((a, b) => contenders.indexOf(a.contender) - contenders.indexOf(b.contender));
    progress.end();
  }

  /** Measures all contenders at the first place with so many calls in flight. */
  underLoad(inFlight: readonly number[]): Promise<void> {
    const { roundMilliseconds: milliseconds } = this.#bench.settings;
    return this.measure(
      inFlight.map((callers): Heat => {
        return { at: { inFlight: callers }, place: 0, load: { kind: "closed", inFlight: callers, milliseconds } };
      }),
    );
  }

  /** Measures all contenders under all circumstances, round by round, and records the figures. */
  async measure(heats: readonly Heat[], rounds = this.#bench.settings.rounds): Promise<void> {
    const { scenario, baseline } = this.#options;
    const { progress, signal } = this.#bench;
    const results = heats.map(() => new Map<ClientContender, Measured[]>());
    progress.begin(scenario, (rounds + 1) * heats.length);
    for (let round = 0; round <= rounds; round++) {
      for (const [number, heat] of heats.entries()) {
        for (const member of turnOf(this.#members, round + number)) {
          signal.throwIfAborted();
          // The first round warms up: connections, compiled code, the pages of the server.
          const isWarmUp = round === 0;
          const measured = await this.#round(member, heat, isWarmUp ? WARM_UP : 1);
          if (measured === null || isWarmUp) continue;
          const sofar = results[number]?.get(member.contender) ?? [];
          results[number]?.set(member.contender, [...sofar, measured]);
        }
        progress.step(describe(heat.at));
        await this.#bench.look();
      }
    }
    progress.end();
    for (const [number, heat] of heats.entries()) {
      // Whoever has left in the middle of the run has no figures.
      const series = this.#members.map(({ contender }) => seriesOf(contender, results[number]?.get(contender) ?? []));
      this.#bench.record(figuresOf(scenario, heat.at, series, baseline));
    }
  }

  /** Ends the processes. May be called again. */
  async close(): Promise<void> {
    const leaving = this.#members.splice(0);
    await Promise.all(leaving.map(({ child }) => endProcess(child)));
  }

  /** Starts a contender and opens it at every place. */
  async #start(number: number, contender: ClientContender): Promise<void> {
    const child = startProcess(PROGRAM, [this.#options.scenario, contender.name]);
    const member = { contender, child };
    this.#members.push(member);
    for (const { place } of this.#grounds) {
      const own = { ...place, prefix: `${place.prefix}${number}:` };
      if ((await this.#ask(member, { kind: "open", place: own })) === null) return;
    }
  }

  async #round(member: Member, { place, load: full }: Heat, part: number): Promise<Measured | null> {
    const load = { ...full, milliseconds: full.milliseconds * part };
    const spent = this.#grounds[place]?.spent;
    if (spent === undefined) throw new Error(`There is no place number ${place}.`);
    if ((await this.#ask(member, { kind: "prepare", place })) === null) return null;
    const before = await spent();
    const reply = await this.#ask(member, { kind: "round", place, load });
    if (reply?.kind !== "done") return null;
    const after = await spent();
    return { ...reply.round, server: { cpu: after.cpu - before.cpu, network: after.network - before.network } };
  }

  /** Gives an order. `null`: it failed, which is reported, and the contender has left. */
  async #ask(member: Member, order: Order): Promise<Reply | null> {
    const reply = await this.#answer(member.child, order);
    this.#bench.signal.throwIfAborted();
    if (reply.kind !== "failed") return reply;
    this.#members = this.#members.filter((other) => other !== member);
    await endProcess(member.child);
    this.#bench.fail(member.contender.name, reply.reason);
    return null;
  }

  async #answer(child: ChildProcess, order: Order): Promise<Reply> {
    if (!child.connected) return { kind: "failed", reason: "its process has ended" };
    try {
      const reply = nextMessage(child, { within: PATIENCE, signal: this.#bench.signal });
      child.send(order);
      return (await reply) as Reply;
    } catch (error) {
      return { kind: "failed", reason: (error as Error).message };
    }
  }
}

function seriesOf(contender: ClientContender, rounds: readonly Measured[]): Series {
  const { name, ours = false, against } = contender;
  if (rounds.length === 0) return { contender: name, ours, values: {}, against };
  const perCall = (of: (round: Measured) => number) => rounds.map((round) => of(round) / round.calls);
  const throughput = rounds.map(({ calls, seconds }) => calls / seconds);
  // Of a tight load the calls alone are timed, and nothing that one of them takes.
  if (rounds.every(({ histogram }) => histogram === undefined)) {
    return { contender: name, ours, against, values: { time: perCall(({ seconds }) => seconds * 1e9), throughput } };
  }
  return {
    contender: name,
    ours,
    against,
    values: {
      throughput,
      ...latenciesOf(rounds),
      "client CPU": perCall(({ cpu }) => cpu),
      "server CPU": perCall(({ server }) => server.cpu),
      network: perCall(({ server }) => server.network),
    },
  };
}
