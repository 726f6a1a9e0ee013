/** HTML by tagged template: everything is escaped, but what is `Html` already. Knows no page. */

/** Finished HTML. Only `html` and this file make any. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template may hold: nothing at all for `false`, `null` and `undefined`. */
export type Content = Html | string | number | false | null | undefined | readonly Content[];

/** @example html`<a title="${anything}">${anything}</a>`; attributes need their quotes. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(texts.reduce((before, text, at) => before + escaped(contents[at - 1]) + text));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(content: Content): string {
  if (content === false || content === null || content === undefined) return "";
  if (content instanceof Html) return content.toString();
  if (typeof content === "object") return content.map(escaped).join("");
  return String(content).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
