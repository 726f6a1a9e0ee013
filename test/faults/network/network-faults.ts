/** How a network breaks between clients and servers: what is done to the proxies in between, and for how long. */
import { setTimeout as sleep } from "node:timers/promises";
import { scripts } from "../../../src/sessions/scripts/scripts.js";
import type { Direction, TcpProxy } from "../../harness/tcp-proxy.js";
import type { Deed } from "../deeds.js";
import { FULL } from "../fault.js";

/** A fault that lasts. */
export interface NetworkFault {
  readonly name: string;
  /** For how long, ms. */
  readonly lasts: number;
  begin(proxies: readonly TcpProxy[]): unknown;
  end(proxies: readonly TcpProxy[]): unknown;
  /** Whether connections end without a word, and nothing at the end of the fault ends them in the eyes of the client. */
  readonly isSilent?: true;
  /** What is to be done more often than usual. */
  readonly weights?: Partial<Record<Deed, number>>;
  /** What else was counted, for the report. */
  further?(): Record<string, number>;
}

/** The same for every proxy of a site. */
function onEach(act: (proxy: TcpProxy) => unknown): NetworkFault["begin"] {
  return (proxies) => Promise.all(proxies.map(act));
}

/** How long a fault lasts, ms. */
const LASTS = FULL ? 6000 : 2000;

/** A fault that begins and ends. */
export function lasting(
  name: string,
  begin: (proxy: TcpProxy) => unknown,
  end: (proxy: TcpProxy) => unknown,
): NetworkFault {
  return { name, lasts: LASTS, begin: onEach(begin), end: onEach(end) };
}

/** A fault that strikes again and again, one proxy after the other, until it is told to end. */
export function recurring(name: string, strike: (proxy: TcpProxy) => Promise<unknown>, counted: string): NetworkFault {
  let [strikes, over] = [0, false];
  let striking: Promise<unknown> | undefined;
  return {
    name,
    lasts: LASTS,
    begin(proxies) {
      striking = (async () => {
        for (; !over; strikes++) await strike(proxies[strikes % proxies.length] as TcpProxy);
      })();
    },
    end() {
      over = true;
      return striking;
    },
    further: () => ({ [counted]: strikes }),
  };
}

/** Every byte is lost, both ways by default. */
export const blackHole = (name: string, direction?: Direction) =>
  lasting(
    name,
    (proxy) => proxy.blackhole(direction),
    (proxy) => proxy.restore(),
  );

/** The servers' side of what is open ends, and the clients hear nothing of it. */
export const halfOpen = (name: string): NetworkFault => ({
  ...lasting(
    name,
    (proxy) => proxy.abandon(),
    () => {},
  ),
  isSilent: true,
});

export const resetInMidReply = () =>
  lasting(
    "reset in mid-reply, after every 8 kB",
    (proxy) => proxy.hangUpAfter(8009),
    (proxy) => proxy.hangUpAfter(null),
  );

export const replyLost = (): NetworkFault => {
  let strikes = 0;
  const fault = recurring(
    "reply lost after the script ran, again and again",
    async (proxy) => {
      // Every other one of a revocation or of the last step of a log-in, whose second run finds nothing that it could end.
      await proxy.dropNextReply(strikes++ % 2 === 0 ? scripts.revoke.sha : "evalsha");
      await sleep(150);
    },
    "replies lost",
  );
  return { ...fault, weights: { logIn: 20 } };
};
