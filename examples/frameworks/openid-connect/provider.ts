/** A provider for tests and for a look around: it believes everybody who they say they are. Never put it on a network. */
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const { PORT = "4000", APP_URL = "http://localhost:3000", JWKS } = process.env;
const port = Number(PORT);
const key = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "app",
      client_secret: "a secret of the application and the provider",
      redirect_uris: [`${APP_URL}/callback`],
      backchannel_logout_uri: `${APP_URL}/back-channel-log-out`,
      // So that ID tokens and logout tokens name the session at the provider.
      backchannel_logout_session_required: true,
    },
  ],
  features: { backchannelLogout: { enabled: true } },
  jwks: JWKS === undefined ? { keys: [{ ...key(), alg: "RS256", use: "sig" }] } : JSON.parse(JWKS),
  // By default the provider calls no address of its own machine, and here the application is on it.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined } as RequestInit),
  cookies: { keys: ["a secret of the provider alone"] },
});
provider.on("backchannel.error", (_context, error) => console.error(`back-channel log-out: ${error.message}`));
provider.listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
