/** The reply that gets lost: the client or the store then sends the script again, and Redis runs it twice. */
import type { Script } from "../../src/redis/script.js";
import type { TcpProxy } from "./tcp-proxy.js";

/**
 * Runs a verb, on a client behind the proxy, whose first reply to the script is lost, and asserts that Redis got the
 * script twice. What happens `meanwhile` falls between the two runs.
 */
export async function loseReply<T>(
  proxy: TcpProxy,
  { sha }: Script,
  verb: () => Promise<T>,
  meanwhile = async () => {},
): Promise<T> {
  // To hold and release forgets what was seen before.
  proxy.hold();
  proxy.release();
  const lost = proxy.dropNextReply(sha);
  const result = verb();
  // It may reject before the caller gets it below, and would be an error that no test has caught.
  result.catch(() => {});
  // A client may still be connecting. It is to be refused only when it has sent the script: else no reply would ever get lost.
  await proxy.seen(sha);
  // The open connection stays open, and the one that has to send the script again comes no sooner than it may.
  proxy.refuse();
  await lost;
  await meanwhile();
  await proxy.accept();
  await proxy.seen(sha, { times: 2 });
  return result;
}
