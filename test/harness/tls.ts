/** Servers that speak TLS: certificates of an authority that lasts as long as a test file, and the settings that use them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

/** A certificate and its private key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  /** The certificate of the authority, PEM: what a client trusts. */
  readonly ca: string;
  /** For a server at 127.0.0.1, called `localhost`. */
  readonly server: Identity;
  /** For a client. */
  readonly client: Identity;
  /** Settings of a server beside its `--tls-port`; clients need no certificate unless `clients` is `"required"`. */
  args(clients?: "required"): string[];
  /** Removes what the servers read. */
  close(): Promise<void>;
}

/** Makes an authority that nobody else knows, and its certificates. */
export async function foundAuthority(): Promise<Authority> {
  const root = await generate([{ name: "commonName", value: "Authority of a test" }], {
    ...{ keyType: "ec", algorithm: "sha256" },
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const sign = async (commonName: string, use: { serverAuth?: true; clientAuth?: true }): Promise<Identity> => {
    const { cert, private: key } = await generate([{ name: "commonName", value: commonName }], {
      ...{ keyType: "ec", algorithm: "sha256", ca: { cert: root.cert, key: root.private } },
      extensions: [
        { name: "extKeyUsage", ...use },
        {
          name: "subjectAltName",
          altNames: [
            { type: 2, value: "localhost" },
            { type: 7, ip: "127.0.0.1" },
          ],
        },
      ],
    });
    return { cert, key };
  };
  // The nodes of a Cluster are clients of one another, with the certificate that they have as servers.
  const server = await sign("localhost", { serverAuth: true, clientAuth: true });
  const client = await sign("an application", { clientAuth: true });

  const folder = await mkdtemp(join(tmpdir(), "coatcheck-tls-"));
  const file = (name: string) => join(folder, name);
  await writeFile(file("ca.crt"), root.cert);
  await writeFile(file("server.crt"), server.cert);
  await writeFile(file("server.key"), server.key, { mode: 0o600 });
  return {
    ca: root.cert,
    server,
    client,
    args: (clients) => [
      ...["--tls-ca-cert-file", file("ca.crt")],
      ...["--tls-cert-file", file("server.crt")],
      ...["--tls-key-file", file("server.key")],
      ...["--tls-auth-clients", clients === "required" ? "yes" : "no"],
    ],
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
