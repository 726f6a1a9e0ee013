/**
 * Makes scrypt cheap in the process that imports this, whatever cost it is asked for: a hash as the examples make it takes a
 * fifth of a second of CPU, and most of what a test does is to log somebody in. passwords.test.ts has the real one.
 */
import crypto, { type BinaryLike, type ScryptOptions } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** The costs that were asked for, in their order. */
export const costs: ScryptOptions[] = [];

const { scrypt } = crypto;
const quick = (
  password: BinaryLike,
  salt: BinaryLike,
  length: number,
  cost: ScryptOptions,
  done: (error: Error | null, key: Buffer) => void,
) => {
  costs.push(cost);
  scrypt(password, salt, length, { N: 2, r: 1, p: 1 }, done);
};
crypto.scrypt = quick as typeof scrypt;
syncBuiltinESMExports();
