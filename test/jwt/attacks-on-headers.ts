/** Attacks on the header of a JWT: its algorithm, its key, its type and its extensions. */
import { generateKeyPairSync } from "node:crypto";
import { type Attack, type Attacks, headerOf, withHeader, without } from "./attack.js";
import * as rig from "./rig.js";
import { asOwner, ec, encode, forge, keyPair, type Members, rsa, signers } from "./rig.js";

const stranger = keyPair(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const strangerJwk = { ...stranger.publicKey.export({ format: "jwk" }), kid: "ec", alg: "ES256" };

/** Signed by a stranger who sends the key along. */
const byStranger =
  (changes: Members): Attack =>
  (victim) =>
    [changes, without({ ...headerOf(victim), ...changes }, "kid")].map((change) =>
      forge({ ...headerOf(victim), ...change }, victim.claims, (input) => signers.ES256(input, stranger.privateKey)),
    );
const confused =
  (kid: "ec" | "rsa", ...secrets: (string | Buffer)[]): Attack =>
  ({ typ, claims }) =>
    secrets.map((secret) =>
      forge({ ...rig.headerOf(kid, typ), alg: "HS256" }, claims, (input) => signers.HS256(input, secret)),
    );
const formsOf = (key: typeof ec.publicKey) => [
  key.export({ type: "spki", format: "pem" }).toString(),
  key.export({ type: "spki", format: "pem" }).toString().trim(),
  key.export({ type: "spki", format: "der" }),
  JSON.stringify(key.export({ format: "jwk" })),
];
export const algorithms: Attacks = {
  "`none`, in any spelling, without a signature": [
    "malformed",
    (victim) =>
      ["none", "None", "NONE", "nOnE"].map((alg) => forge(headerOf(victim, { alg }), victim.claims, signers.none)),
  ],
  "`none` with a signature, as some libraries skip it": [
    "untrusted",
    (victim) => ["none", "None", "NONE"].map((alg) => forge(headerOf(victim, { alg }), victim.claims, asOwner)),
  ],
  "no `alg`, or one that is no string": [
    "untrusted",
    (victim) => [
      forge(without(headerOf(victim), "alg"), victim.claims, asOwner),
      ...[null, "", ["ES256"], { toString: "ES256" }, 256].map((alg) =>
        forge(headerOf(victim, { alg }), victim.claims, asOwner),
      ),
    ],
  ],
  "HS256 with the public RSA key as the secret": ["untrusted", confused("rsa", ...formsOf(rsa.publicKey))],
  "HS256 with the public EC key as the secret": ["untrusted", confused("ec", ...formsOf(ec.publicKey))],
  "HS256 with an empty or a well-known secret": [
    "untrusted",
    ({ typ, claims }) =>
      ["", "secret", "your-256-bit-secret", "\0"].map((guess) =>
        forge(rig.headerOf("secret", typ), claims, (input) => signers.HS256(input, guess)),
      ),
  ],
  "another algorithm with the same key": [
    "untrusted",
    ({ typ, claims }) => [
      forge({ ...rig.headerOf("rsa", typ), alg: "PS256" }, claims, (input) => signers.PS256(input, rsa.privateKey)),
      forge({ ...rig.headerOf("rsa", typ), alg: "RS512" }, claims, (input) => signers.RS256(input, rsa.privateKey)),
    ],
  ],
  "the algorithm of one key under the name of another": [
    "untrusted",
    ({ typ, claims }) => [
      forge({ ...rig.headerOf("secret", typ), kid: "ec" }, claims, (input) => signers.HS256(input, rig.secret)),
      forge({ ...rig.headerOf("ec", typ), kid: "secret" }, claims, asOwner),
      forge(rig.headerOf("rsa", typ), claims, asOwner),
      forge(rig.headerOf("secret", typ), claims, asOwner),
    ],
  ],
};

export const keysOfTheForger: Attacks = {
  "`kid` of nobody, or none at all": [
    "untrusted",
    (victim) => [
      ...["", "EC", "ec ", "unknown", null, 0, ["ec"], { $ne: "" }].map((kid) =>
        forge(headerOf(victim, { kid }), victim.claims, asOwner),
      ),
      forge(without(headerOf(victim), "kid"), victim.claims, asOwner),
    ],
  ],
  "`kid` as a path, to a file whose content is known": [
    "untrusted",
    (victim) =>
      ["../../../../dev/null", "/dev/null", "ec\0", "..\\..\\nul", "file:///dev/null"].map((kid) =>
        forge(headerOf(victim, { alg: "HS256", kid }), victim.claims, (input) => signers.HS256(input, "")),
      ),
  ],
  "`kid` as an injection into a query or a command": [
    "untrusted",
    (victim) =>
      ["x' UNION SELECT 'key'; --", "ec' OR '1'='1", "ec|whoami", "$(id)", "*", "ec\r\nGET x"].map((kid) =>
        forge(headerOf(victim, { alg: "HS256", kid }), victim.claims, (input) => signers.HS256(input, "key")),
      ),
  ],
  "`kid` as a property of every object": [
    "untrusted",
    withHeader({ kid: "__proto__" }, { kid: "constructor" }, { kid: "toString" }),
  ],
  "an embedded `jwk`": ["untrusted", byStranger({ jwk: strangerJwk })],
  "`jku`, where a key is to be fetched": ["untrusted", byStranger({ jku: "http://127.0.0.1:1/jwks.json" })],
  "`x5u`, where a certificate is to be fetched": ["untrusted", byStranger({ x5u: "http://127.0.0.1:1/cert.pem" })],
  "`x5c`, an embedded chain": ["untrusted", byStranger({ x5c: ["MIIB"], x5t: "x", "x5t#S256": "y" })],
  "the right `kid` and another's key": [
    "untrusted",
    (victim) => forge(headerOf(victim), victim.claims, (input) => signers.ES256(input, stranger.privateKey)),
  ],
};

export const headers: Attacks = {
  "`crit` with an extension that nobody knows": [
    "untrusted",
    withHeader({ crit: ["exp"], exp: 1 }, { crit: ["urn:x"], "urn:x": true }, { crit: [] }, { crit: "typ" }),
  ],
  "`b64: false`, the payload as it is": [
    "untrusted",
    (victim) => {
      const plain = encode(headerOf(victim, { b64: false, crit: ["b64"] }));
      const body = encode(victim.claims);
      return [
        `${plain}.${body}.${asOwner(`${plain}.${body}`).toString("base64url")}`,
        forge(headerOf(victim, { b64: false }), victim.claims, asOwner),
        forge(headerOf(victim, { b64: true, crit: ["b64"] }), victim.claims, asOwner),
      ];
    },
  ],
  "another `typ`, or none": [
    "untrusted",
    (victim) => [
      ...["JWT", "at+jwt", "application/at+jwt", victim.otherTyp, victim.typ.toUpperCase(), "", null].map((typ) =>
        forge(headerOf(victim, { typ }), victim.claims, asOwner),
      ),
      forge(without(headerOf(victim), "typ"), victim.claims, asOwner),
    ],
  ],
  "members of the header twice": [
    "untrusted",
    ({ typ, claims }) =>
      [
        `{"alg":"none","alg":"ES256","typ":"${typ}","kid":"ec"}`,
        `{"alg":"ES256","typ":"${typ}","kid":"ec","alg":"none"}`,
        `{"alg":"ES256","typ":"${typ}","kid":"ec","kid":"ec"}`,
      ].map((text) => forge(text, claims, asOwner)),
  ],
  "a header that is no object": [
    "untrusted",
    ({ claims }) => ["[]", "null", '"ES256"', "{", "\0", "\ud800"].map((text) => forge(text, claims, asOwner)),
  ],
  "a nested JWT": [
    "untrusted",
    (victim) => [
      forge(headerOf(victim, { cty: "JWT" }), victim.genuine, asOwner),
      forge(headerOf(victim, { cty: "JWT" }), victim.claims, asOwner),
    ],
  ],
};
