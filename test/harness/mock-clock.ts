/**
 * The clock of ioredis-mock, made steady. Its TIME rounds the seconds and takes the rest from another clock, so once a second
 * it goes back by a second, and then the second of two log-ins is the older one. This makes it half a second fast instead.
 */

/** The source of what does so, for another process. */
export const STEADY_CLOCK =
  "process.hrtime = Object.assign(() => [0, ((Date.now() + 500) % 1000) * 1e6], process.hrtime);";

/** The environment in which a Node.js process has a steady clock. */
export const STEADY_ENVIRONMENT = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(STEADY_CLOCK)}` };

/** Does so in this process. */
export function steadyMockClock(): void {
  const { hrtime } = process;
  process.hrtime = Object.assign((): [number, number] => [0, ((Date.now() + 500) % 1000) * 1_000_000], {
    bigint: hrtime.bigint,
  });
}
