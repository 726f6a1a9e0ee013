/**
 * What a command shows and asks: tables and progress for people, JSON for programs, questions on a terminal. Everything that it
 * shows of others has passed `printable`. It knows no Redis.
 */
import { createInterface } from "node:readline/promises";
import { type Readable, Writable } from "node:stream";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Failure } from "./failure.js";
import { printable, printableJson } from "./printable.js";

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
  result(value: unknown, show: () => void): void {
    if (this.#json) this.#streams.output.write(`${printableJson(value, 2)}\n`);
    else show();
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

  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    // Without colours: tables are also read in mails and tickets.
    const chars = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };
    const table = new Table({ head: [...head], style: { head: [], border: [] }, chars });
    for (const row of rows) table.push(row.map((cell) => (cell === null ? "–" : printable(String(cell)))));
    this.#streams.output.write(`${table}\n`);
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
      const answer = await lines.question(`${printable(question)} [y/N] `, { signal });
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
