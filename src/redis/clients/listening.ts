/**
 * Listening to the events of a client: one listener for each event, whatever the number of stores that are told, because Node
 * takes more than ten for a leak and warns. It knows no event.
 */
type Listener = (...args: unknown[]) => void;

/** What has events: a client of the application's, or a duplicate. */
export interface Emitter {
  on(event: string, listener: Listener): unknown;
  off?(event: string, listener: Listener): unknown;
}

/** Who is told of one event of one client. */
interface Relay {
  /** Never changed, but replaced: who listens no more while an event is told hears it still, as with Node's emitters. */
  told: readonly Listener[];
  readonly tell: Listener;
}

const relays = new WeakMap<Emitter, Map<string, Relay>>();

/** Tells a listener of an event, until the function is called that it returns. */
export function listen(client: Emitter, event: string, listener: Listener): () => void {
  const ofClient = relays.get(client) ?? new Map<string, Relay>();
  relays.set(client, ofClient);
  const relay = ofClient.get(event) ?? relayOf();
  if (relay.told.length === 0) {
    ofClient.set(event, relay);
    client.on(event, relay.tell);
  }
  // Of its own, so that somebody who listens twice is told twice.
  const own: Listener = (...args) => listener(...args);
  relay.told = [...relay.told, own];
  return () => {
    const before = relay.told.length;
    relay.told = relay.told.filter((each) => each !== own);
    if (before === relay.told.length || relay.told.length > 0) return;
    ofClient.delete(event);
    client.off?.(event, relay.tell);
  };
}

function relayOf(): Relay {
  const relay: Relay = {
    told: [],
    tell: (...args) => {
      for (const listener of relay.told) listener(...args);
    },
  };
  return relay;
}
