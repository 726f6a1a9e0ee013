/** Several workers on one list of work. It knows nothing of what the work is. */

/**
 * Has so many workers take from the work, each a piece at a time. Where one fails, the others finish what they have in hand and
 * take no more, and then it rejects: whoever tidies up after that has nobody at work behind their back.
 */
export async function share<T>(
  work: Iterable<T>,
  { workers }: { readonly workers: number },
  each: (piece: T) => Promise<unknown>,
): Promise<void> {
  const waiting = work[Symbol.iterator]();
  let isOver = false;
  const worker = async () => {
    try {
      for (let next = waiting.next(); !isOver && !next.done; next = waiting.next()) await each(next.value);
    } finally {
      // Either all has been taken, or there is a failure.
      isOver = true;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: workers }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
