/** Methods that call a callback, or return a promise if the caller gives none. */

/** A Node.js callback. `Result` is the value of the promise that is returned if there is no callback. */
export type Callback<Result = void> = (error: unknown, result?: Result) => void;

/** Gives the result of a call to the callback, or returns it as a promise if there is none. */
export function deliver<T>(call: () => Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  let result: Promise<T>;
  try {
    result = call();
  } catch (error) {
    // An error of the application's own functions, such as `ttl` and `userId`.
    result = Promise.reject(error);
  }
  if (callback === undefined) return result;
  callBack(result, callback, (value) => callback(null, value));
  return undefined;
}

/**
 * Calls `fail` with the error, or `succeed` with the value, on a tick of its own: what they throw must not get into our
 * promise.
 */
function callBack<T>(result: Promise<T>, fail: Callback<never>, succeed: (value: T) => void): void {
  result.then(
    (value) => process.nextTick(succeed, value),
    (error) => process.nextTick(fail, error),
  );
}
