/** `coatcheck tail`: what ends and changes, while it does. */
import { once } from "node:events";
import { feedChannel, parseFeed } from "../../sessions/feed.js";
import { showInstant } from "../time.js";
import type { Work } from "../work.js";

const WORDS: Readonly<Record<string, string>> = {
  revoked: "ended (revoked)",
  user: "ended (all of the user's)",
  blocked: "ended (the user was blocked)",
  limit: "ended (made room for another)",
  rotated: "ended (another took its place)",
  all: "ended (all sessions)",
};

export async function tail(work: Work): Promise<number> {
  const { terminal, options, signal, keys } = work;
  const subscription = work.subscription();
  let hasBegun = false;
  work.onStop(() => "Stopped.");
  const listener = {
    channels: [feedChannel("", keys.prefix)],
    message(_channel: string, text: string) {
      const at = Date.now();
      const message = parseFeed(text);
      if (message === undefined) {
        terminal.event({ at, kind: "unknown" }, `${showInstant(at)}  a message that this version does not know`);
        return;
      }
      const { kind, ids } = message;
      const reason = message.kind === "ended" ? message.reason : null;
      for (const id of ids) {
        const words = reason === null ? "changed" : (WORDS[reason] ?? reason);
        terminal.event({ at, kind, reason, id }, `${showInstant(at)}  ${id}  ${words}`);
      }
    },
    ready() {
      if (hasBegun) terminal.note("Listening again. What ended meanwhile is not shown.");
      hasBegun = true;
    },
    lost() {
      terminal.note("The connection is lost: something may be missed.");
    },
  };
  subscription.add(listener);
  await subscription.whenReady(listener, options.timeout);
  terminal.note("Listening. Ctrl-C stops it.");
  if (!signal.aborted) await once(signal, "abort");
  throw signal.reason;
}
