/** Methods that take a callback or return a promise, as the caller likes. */

/** A callback in the manner of Node. `Result` is what the promise gives that is returned if there is no callback. */
export type Callback<Result = void> = (error: unknown, result?: Result) => void;

/** What a call comes to: as a promise, or if there is a callback, to that. */
export function deliver<T>(call: () => Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  let result: Promise<T>;
  try {
    result = call();
  } catch (error) {
    // What the application's own functions throw, such as `ttl` and `userId`.
    result = Promise.reject(error);
  }
  if (callback === undefined) return result;
  callBack(result, callback, (value) => callback(null, value));
  return undefined;
}

/** Lets a callback have its error, or `succeed` the value; on a tick of their own, since what they throw is not ours. */
function callBack<T>(result: Promise<T>, fail: Callback<never>, succeed: (value: T) => void): void {
  result.then(
    (value) => process.nextTick(succeed, value),
    (error) => process.nextTick(fail, error),
  );
}
