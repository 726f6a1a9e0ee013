/** The types of queued.mjs, which processes without TypeScript share. */
export function queuedIn(client: object): number;
