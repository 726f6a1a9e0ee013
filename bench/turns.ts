/** In which order contenders take turns. Pure. */

/**
 * The contenders in the order of one turn, of a Williams design: over as many turns as there are contenders, each comes in
 * every place once, and (with an even number of them) right after every other one once. So nobody inherits a warm cache, or
 * a disk that is still busy, from the same neighbour again and again.
 */
export function turnOf<T>(contenders: readonly T[], turn: number): T[] {
  const number = contenders.length;
  // From both ends in turns: 0, 1, n - 1, 2, n - 2 …
  return contenders.map((_, place) => {
    const step = place % 2 === 1 ? (place + 1) / 2 : number - place / 2;
    return contenders[(step + turn) % number] as T;
  });
}
