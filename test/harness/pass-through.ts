/** A client with some methods of a test's own in front: it counts, holds or changes calls, and hands the others through. */

interface Origin {
  readonly client: object;
  readonly own: object;
}

const origins = new WeakMap<object, Origin>();

/**
 * `client` with the methods of `own` in place of its own. All else is the client itself, whatever it is able to do: its
 * methods run on the real client, so nothing that they remember lies beside it.
 */
export function passThrough<Client extends object, Own extends object>(client: Client, own: Own): Client & Own {
  const through = new Proxy(client, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name, own);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Client & Own;
  origins.set(through, { client, own });
  return through;
}

/** What is behind such a client, and in front of it; `undefined` for any other. */
export function originOf(client: object): Origin | undefined {
  return origins.get(client);
}
