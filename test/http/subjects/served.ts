/** A server of Node's as the contract takes it, and how a test file runs the contract. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, it, vi } from "vitest";
import { type AdapterServer, type AdapterSubject, adapterContract } from "../../../src/testing.js";
import { connect } from "../../harness/fixtures.js";
import { listening } from "../contract/app.js";

/** What a subject does to start. */
export type Start = AdapterSubject["start"];

/** Serves a listener on a free port. */
export async function served(listener: RequestListener): Promise<AdapterServer> {
  return of(await listening(createServer(listener)));
}

/** A server that listens already. */
export function of(server: Server): AdapterServer {
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Holds an adapter to the public contract, on the Redis of the test run. */
export function describeAdapterContract(name: string, start: Start): void {
  describe(`${name} keeps the contract of adapters:`, () => {
    // Frameworks print what they answer with an error, and here much goes wrong on purpose.
    beforeEach(() => {
      vi.spyOn(console, "error").mockImplementation(() => {});
    });
    for (const { name: title, run } of adapterContract({ redis: connect(), start })) it(title, run);
  });
}
