/** How many commands wait in a client: for their reply, or for a connection. It knows where each package keeps them. */

/** @param {object} client one of ioredis, iovalkey or node-redis, with one connection */
export function queuedIn(client) {
  // node-redis shows its queue in no other way.
  if (typeof client._getQueue === "function") return client._getQueue().pendingCount;
  const queues = [client.commandQueue, client.offlineQueue, client.prevCommandQueue];
  return queues.reduce((sum, queue) => sum + (queue?.length ?? 0), 0);
}
