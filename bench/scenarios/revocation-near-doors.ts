/**
 * The doors of processes with the near cache. The log-out happens in another process, as in the one that makes it memory forgets at
 * once; and memory has answered for the session before, so that there is something to forget.
 */
import { createSessionStore } from "coatcheck";
import { Redis } from "ioredis";
import { startProxy } from "../../test/harness/tcp-proxy.ts";
import { type Door, type DoorPlace, type OpenDoor, openOurDoor } from "./revocation-doors.ts";

/** Two processes of an application: the door, which has near, and the one that gets the log-out. */
async function openNearDoor({ url, prefix }: DoorPlace, subscriber: Redis, cutOff: () => void): Promise<OpenDoor> {
  const [redis, other] = [new Redis(url), new Redis(url)];
  const store = createSessionStore(redis, { prefix, near: { subscriber } });
  const near = await openOurDoor(store, () => {
    void store.close().finally(() => {
      redis.disconnect();
      subscriber.disconnect();
    });
  });
  const elsewhere = await openOurDoor(createSessionStore(other, { prefix }), () => other.disconnect());
  return {
    base: near.base,
    elsewhere: elsewhere.base,
    slowBegan: elsewhere.slowBegan,
    releaseSlow: elsewhere.releaseSlow,
    async beforeLogOut(isOpen) {
      while (store.near.stats.hits === 0) if (!(await isOpen())) throw new Error("the door has closed too early");
      cutOff();
    },
    close() {
      near.close();
      elsewhere.close();
    },
  };
}

export const HEARS = "coatcheck, near";
export const DEAF = "coatcheck, near, cut off";

export const NEAR_DOORS: readonly Door[] = [
  {
    name: HEARS,
    does: "the log-out happens in another process, and this one hears of it",
    ours: true,
    open: (place) => openNearDoor(place, new Redis(place.url), () => {}),
  },
  {
    name: DEAF,
    does: "the same, and from just before the log-out on this process hears nothing any more: its memory answers until its lease (1 s) is over, and then it asks Redis",
    ours: true,
    breaksTheWay: true,
    async open(place) {
      const url = new URL(place.url);
      const proxy = await startProxy(Number(url.port));
      url.port = String(proxy.port);
      const door = await openNearDoor(place, new Redis(url.href), () => proxy.hold("down"));
      return {
        ...door,
        close() {
          door.close();
          void proxy.close();
        },
      };
    },
  },
];
