/**
 * What a command shows and asks: tables and progress for people, JSON for programs, questions on a terminal. Everything that it
 * shows of others has passed `printable`. It knows no Redis.
 */
import { createInterface } from "node:readline/promises";
import { type Readable, Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import width from "string-width";
import { Failure } from "./failure.js";
import { printable, printableJson } from "./printable.js";

/** How many rows cli-table3 lays out at once: its time grows with their square, and 100 000 took more than a quarter of an hour. */
const BLOCK = 200;
/** The spaces at both sides of a cell. */
const PADDING = 2;
/** The lines that a table does not have: between its rows, and where a block is not its first or last. */
const INNER = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };
const TOP = { top: "", "top-left": "", "top-mid": "", "top-right": "" };
const BOTTOM = { bottom: "", "bottom-left": "", "bottom-mid": "", "bottom-right": "" };

export type Cell = string | number | null;

export interface Streams {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly errors: Writable & { readonly isTTY?: boolean };
}

/** How far long work has come. */
export interface Progress {
  at(count: number): void;
  end(): void;
}

export class Terminal {
  readonly #streams: Streams;
  readonly #json: boolean;

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.#json = json;
  }

  /** The result for a program, with `--json`; else `show` shows it to people. */
  async result(value: unknown, show: () => void | Promise<void>): Promise<void> {
    if (this.#json) this.#streams.output.write(`${printableJson(value, 2)}\n`);
    else await show();
  }

  /** One line of the result. */
  line(text = ""): void {
    this.#streams.output.write(`${printable(text)}\n`);
  }

  /** One value of a result that goes on, on a line of its own. */
  event(value: unknown, text: string): void {
    this.#streams.output.write(`${this.#json ? printableJson(value) : printable(text)}\n`);
  }

  /** What is said beside the result. */
  note(text: string): void {
    this.#streams.errors.write(`${printable(text)}\n`);
  }

  /** A table of any length. It rejects with the signal's reason if that is aborted meanwhile. */
  async table(head: readonly string[], rows: readonly (readonly Cell[])[], signal: AbortSignal): Promise<void> {
    const shown = rows.map((row) => row.map((cell) => (cell === null ? "–" : printable(String(cell)))));
    const columns = head.map((name, at) =>
      shown.reduce((most, row) => Math.max(most, width(row[at] ?? "")), width(name)),
    );
    for (let from = 0; from === 0 || from < shown.length; from += BLOCK) {
      const [isFirst, isLast] = [from === 0, from + BLOCK >= shown.length];
      const table = new Table({
        ...(isFirst && { head: [...head] }),
        colWidths: columns.map((column) => column + PADDING),
        // Without colours: tables are also read in mails and tickets.
        style: { head: [], border: [] },
        chars: { ...INNER, ...(!isFirst && TOP), ...(!isLast && BOTTOM) },
      });
      table.push(...shown.slice(from, from + BLOCK));
      this.#streams.output.write(`${table}\n`);
      if (isLast) return;
      // So that Ctrl-C is heard.
      await setImmediate();
      signal.throwIfAborted();
    }
  }

  /** Names and values, one below the other. */
  list(rows: readonly (readonly [name: string, value: Cell])[]): void {
    const width = Math.max(...rows.map(([name]) => printable(name).length));
    for (const [name, value] of rows) this.line(`${printable(name).padEnd(width)}  ${value ?? "–"}`);
  }

  /** A bar on a terminal; nothing elsewhere. */
  progress(label: string, total: number): Progress {
    const { errors } = this.#streams;
    if (errors.isTTY !== true || total === 0) return { at() {}, end() {} };
    const format = `${label} {bar} {percentage} % · {value} of {total}`;
    const bar = new SingleBar(
      { format, stream: errors as never, hideCursor: true, clearOnComplete: true },
      Presets.shades_classic,
    );
    bar.start(total, 0);
    return { at: (count) => bar.update(Math.min(count, total)), end: () => bar.stop() };
  }

  /** Asks before something ends. Throws `Failure` without a terminal, where nobody can answer, and if the answer is no. */
  async confirm(question: string, signal: AbortSignal): Promise<void> {
    const { input, errors } = this.#streams;
    if (input.isTTY !== true || errors.isTTY !== true) {
      throw new Failure(`${question} Nobody can answer here: add --yes. Nothing was changed.`);
    }
    const lines = createInterface({ input, output: errors });
    // While it reads from a terminal, Ctrl-C is a character that it gets.
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    try {
      const answer = await lines.question(`${printable(question)} [y/N] `, { signal }).catch((error) => {
        if (signal.aborted) throw error;
        // Ctrl-D. The shell goes on in a line of its own.
        errors.write("\n");
        return "";
      });
      if (!/^y(es)?$/i.test(answer.trim())) throw new Failure("Nothing was changed.");
    } finally {
      lines.close();
    }
  }

  /** The first line of the input that is not empty, for what must not be an argument. */
  async read(prompt: string): Promise<string> {
    const { input, errors } = this.#streams;
    const isTyped = input.isTTY === true;
    // What is typed is a secret, so it is not shown.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input, ...(isTyped && { output: nowhere, terminal: true }) });
    // Only now: the terminal itself shows what is typed before.
    if (isTyped) errors.write(prompt);
    lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    try {
      for await (const line of lines) if (isTyped || line.trim() !== "") return line.trim();
      return "";
    } finally {
      lines.close();
      if (isTyped) errors.write("\n");
    }
  }
}

/** A number of things, in words. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-GB").replaceAll(",", " ")} ${count === 1 ? one : many}`;
}
