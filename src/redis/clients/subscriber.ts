/** Which clients of the application's can be a subscriber beside the store's client. It chooses the driver. */
import { show } from "../../leaves/arguments.js";
import { has, isNodeRedis } from "./families.js";
import type { Hearing, Subscriber } from "./hearing.js";
import { IoredisSubscriber, type IoredisSubscriberClient, isClosedIoredis } from "./ioredis/subscriber.js";
import { isClosedNodeRedis, NodeRedisSubscriber, type NodeRedisSubscriberClient } from "./node-redis/subscriber.js";

/** A client that subscribes: of ioredis, iovalkey or node-redis, with one connection. */
export type SubscriberClient = IoredisSubscriberClient | NodeRedisSubscriberClient;

/** Throws `TypeError` unless a value can be the subscriber beside a data client. `name` is the option. */
export function checkSubscriber(name: string, subscriber: unknown, data: object): void {
  const methods = isNodeRedis(subscriber)
    ? ["subscribe", "unsubscribe", "on", "off", "connect", "destroy"]
    : ["subscribe", "unsubscribe", "on", "disconnect"];
  // A pool, a cluster and a sentinel have several connections.
  const isOne = ["nodeClient", "getMasterNode", "execute"].every((method) => !has(subscriber, method));
  if (!isOne) throw new TypeError(`${name} must be a client of one connection, got a pool, a cluster or a sentinel`);
  if (!methods.every((method) => has(subscriber, method))) {
    // The address of a server often has a password in it, so it is not shown.
    const got = typeof subscriber === "string" ? "a string" : show(subscriber);
    throw new TypeError(`${name} must be a client of its own, such as redis.duplicate(), got ${got}`);
  }
  if (subscriber === data) {
    throw new TypeError(
      `${name} must be a client of its own, such as redis.duplicate(): this one is the store's client`,
    );
  }
}

/** Whether such a client has been closed. One of node-redis counts as closed, too, before its `connect()`. */
export function isClosedSubscriber(subscriber: SubscriberClient): boolean {
  return isNodeRedis(subscriber) ? isClosedNodeRedis(subscriber) : isClosedIoredis(subscriber);
}

/** A subscriber on a client of the application's. */
export function subscriberOn(client: SubscriberClient, hearing: Hearing): Subscriber {
  return isNodeRedis(client)
    ? new NodeRedisSubscriber(client, hearing, false)
    : new IoredisSubscriber(client, hearing, false);
}
