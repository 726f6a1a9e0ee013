/** The name that somebody has meant who has written another one. A leaf. */

/** How many letters may be wrong. */
const MAX_EDITS = 2;

/**
 * Of some names the one most like `name`: one that it holds or that holds it, in any case, or else one with few other letters.
 * `undefined` if none is like it.
 */
export function similarName(name: string, names: readonly string[]): string | undefined {
  const written = name.toLowerCase();
  const ranked = names
    .map((known) => ({ known, edits: editsBetween(written, known.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const [nearest] = ranked;
  // Of four letters two may be wrong, of three one.
  if (nearest !== undefined && nearest.edits <= Math.min(MAX_EDITS, name.length / 2)) return nearest.known;
  return ranked.find(({ known }) => holds(written, known.toLowerCase()) || holds(known.toLowerCase(), written))?.known;
}

/** Two letters say nothing: "id" is in many names. */
const holds = (whole: string, part: string) => part.length > 2 && whole.includes(part);

/** The distance of Levenshtein, row by row. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(row, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }
  return at(row, to.length);
}

/** Every row is as long as `to` and one more. */
const at = (row: readonly number[], index: number) => row[index] ?? Number.POSITIVE_INFINITY;
