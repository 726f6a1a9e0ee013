/** The clock by which two processes of one machine compare what they saw: it only grows, and is the same for all of them. */

/** ms since some instant that is the same for all processes of this machine. `performance.now()` begins anew in each. */
export function instant(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
