/** How text is written into keys and records: printable, on one line. A leaf. */

/** Escapes a string as JSON does, without the quotes: the result holds no control character and no lone surrogate. */
export function escapeText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Undoes {@link escapeText}. */
export function unescapeText(text: string): string {
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}
