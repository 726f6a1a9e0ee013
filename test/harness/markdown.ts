/** Reads the parts of a Markdown document that can be held to account: its code blocks and its tables. */
import { readFileSync } from "node:fs";

export interface CodeBlock {
  readonly language: string;
  /** Line of the document on which the code begins, from 1. */
  readonly line: number;
  readonly code: string;
}

export class MarkdownDocument {
  readonly text: string;

  constructor(file: URL) {
    this.text = readFileSync(file, "utf8");
  }

  /** The fenced code blocks of one language. */
  blocks(language: string): CodeBlock[] {
    const found: CodeBlock[] = [];
    let open: { language: string; line: number; lines: string[] } | null = null;
    this.text.split("\n").forEach((line, at) => {
      const fence = /^```(\S*)/.exec(line);
      if (open === null) {
        if (fence) open = { language: fence[1] as string, line: at + 2, lines: [] };
      } else if (fence) {
        found.push({ language: open.language, line: open.line, code: open.lines.join("\n") });
        open = null;
      } else {
        open.lines.push(line);
      }
    });
    return found.filter((block) => block.language === language);
  }

  /** The rows, cell by cell, of the one table whose first column has this heading. */
  table(heading: string): string[][] {
    const lines = this.text.split("\n");
    const starts = lines.flatMap((line, at) => (cells(line)?.[0] === heading ? [at] : []));
    if (starts.length !== 1)
      throw new Error(`${starts.length} tables begin with the column ${JSON.stringify(heading)}.`);
    const rows: string[][] = [];
    // Under the heading there is a line of dashes.
    for (const line of lines.slice((starts[0] as number) + 2)) {
      const row = cells(line);
      if (row === null) break;
      rows.push(row);
    }
    return rows;
  }
}

/** The names in code spans at the start of a cell: `create` for `` `create({ userId? })` ``. */
export function namesIn(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`(\w+)[^`]*`/g)].map((match) => match[1] as string);
}

function cells(line: string): string[] | null {
  if (!line.startsWith("|")) return null;
  // A bar inside a cell is escaped.
  return line
    .replace(/^\||\|\s*$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}
