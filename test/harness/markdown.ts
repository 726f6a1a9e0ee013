/** Reads the parts of a Markdown document that can be held to account: its code blocks and its tables. */
import { readFileSync } from "node:fs";
import { lexer, type Token, type Tokens } from "marked";

export interface CodeBlock {
  readonly language: string;
  /** Line of the document on which the code begins, from 1. */
  readonly line: number;
  readonly code: string;
}

export class MarkdownDocument {
  readonly text: string;
  readonly #tokens: readonly Token[];

  constructor(file: URL) {
    this.text = readFileSync(file, "utf8");
    this.#tokens = lexer(this.text);
  }

  /** The fenced code blocks of one language. */
  blocks(language: string): CodeBlock[] {
    const found: CodeBlock[] = [];
    let line = 1;
    for (const token of this.#tokens) {
      // The fence is a line of its own above the code.
      if (token.type === "code" && token.lang === language) found.push({ language, line: line + 1, code: token.text });
      line += token.raw.split("\n").length - 1;
    }
    return found;
  }

  /** The rows, cell by cell, of the one table whose first column has this heading. */
  table(heading: string): string[][] {
    const tables = this.#tokens.filter((token): token is Tokens.Table => token.type === "table");
    const found = tables.filter(({ header }) => header[0]?.text === heading);
    if (found.length !== 1) throw new Error(`${found.length} tables begin with the column ${JSON.stringify(heading)}.`);
    return (found[0] as Tokens.Table).rows.map((row) => row.map(({ text }) => text));
  }
}

/** The names in code spans at the start of a cell: `create` for `` `create({ userId? })` ``. */
export function namesIn(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`(\w+)[^`]*`/g)].map((match) => match[1] as string);
}
