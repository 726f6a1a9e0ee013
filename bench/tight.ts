/**
 * Load on what takes about a microsecond, where a look at the clock before and after would be a tenth of the figure: calls one
 * after another, timed by the batch. What is presented, such as a token, is made anew for each call and before the batch is timed:
 * a request too brings a text that nobody has seen before, so that no contender lives on the hash that an engine keeps of a text.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expectFound, type Round } from "./load.ts";

/** One lookup in two steps, of which the second is timed. */
export interface Tight {
  /** The text of a session by its number: a new one each time. */
  readonly present: (session: number) => string;
  readonly answer: (text: string) => unknown;
  /** Whether the answer is a promise, which the caller awaits. */
  readonly isAwaited: boolean;
}

export interface TightLoad {
  readonly kind: "tight";
  readonly milliseconds: number;
  /** So many sessions are looked up, each once before the first one comes again, in no order. */
  readonly sessions: number;
}

/** Few enough that the texts of a batch stay in the processor's own cache. */
const BATCH = 64;
/** After so many batches whatever else the process has to do has its turn; that is not timed. */
const BATCHES_A_TURN = 128;

/** Puts a tight load on a contender for one round. The seconds of the round are those of its calls alone. */
export async function putTight(
  { present, answer, isAwaited }: Tight,
  { milliseconds, sessions }: TightLoad,
): Promise<Round> {
  const order = shuffled(sessions);
  const texts: string[] = new Array(BATCH).fill("");
  const cpu = process.cpuUsage();
  const end = performance.now() + milliseconds;
  let timed = 0;
  let batches = 0;
  for (let at = 0, now = 0; now < end; batches++) {
    for (let place = 0; place < BATCH; place++) {
      texts[place] = present(order[at] as number);
      at = (at + 1) % sessions;
    }
    const began = performance.now();
    if (isAwaited) for (const text of texts) expectFound(await answer(text));
    else for (const text of texts) expectFound(answer(text));
    now = performance.now();
    timed += now - began;
    if (batches % BATCHES_A_TURN === 0) await nextTurn();
  }
  const { user, system } = process.cpuUsage(cpu);
  return { calls: batches * BATCH, seconds: timed / 1000, cpu: user + system };
}

/** The numbers below `size` in no order, the same one in every process and every run. */
function shuffled(size: number): number[] {
  const numbers = Array.from({ length: size }, (_, at) => at);
  let seed = 1;
  for (let at = size - 1; at > 0; at--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((seed / 2 ** 32) * (at + 1));
    [numbers[at], numbers[other]] = [numbers[other] as number, numbers[at] as number];
  }
  return numbers;
}
