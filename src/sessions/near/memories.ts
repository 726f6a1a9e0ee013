/**
 * The near caches of the stores on one client: a process may have several stores on the same sessions, for instance one without
 * `near`, and what one of them changes all of them forget at once. It knows nothing of what a cache holds.
 */

/** What forgets a session. */
interface Memory {
  forget(id: string): void;
}

const memories = new WeakMap<object, Map<string, Set<Memory>>>();

/** The near caches on the sessions under a prefix. `client`: the same object for all stores on one client. */
export function memoriesOn(client: object, prefix: string): Set<Memory> {
  const known = memories.get(client) ?? new Map<string, Set<Memory>>();
  memories.set(client, known);
  const those = known.get(prefix) ?? new Set();
  known.set(prefix, those);
  return those;
}
