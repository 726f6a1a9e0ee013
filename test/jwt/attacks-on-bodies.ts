/** Attacks on what a JWT says, on its signature, and on the form that it comes in. */
import { createSecretKey, hash } from "node:crypto";
import { EncryptJWT } from "jose";
import { type Attacks, headerOf, withClaims, without } from "./attack.js";
import * as rig from "./rig.js";
import { asOwner, ec, encode, forge, seconds, signers } from "./rig.js";

const resigned = (jwt: string, change: (signature: Buffer) => Buffer) => {
  const [head, body, end = ""] = jwt.split(".");
  return `${head}.${body}.${change(Buffer.from(end, "base64url")).toString("base64url")}`;
};
/** The next letter of the alphabet of base64url: in a last letter it differs in bits that stand for nothing. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[(alphabet.indexOf(letter) ^ 1) & 63] as string;
}

export const claims: Attacks = {
  ...Object.fromEntries(
    ["exp", "iss", "aud", "iat", "sid"].map((name): [string, Attacks[string]] => [
      `no \`${name}\``,
      ["misdirected", (victim) => forge(headerOf(victim), without(victim.claims, name), asOwner)],
    ]),
  ),
  "`exp` and `iat` that are no numbers": [
    "misdirected",
    withClaims({ exp: "9999999999" }, { exp: null }, { exp: [9999999999] }, { iat: "1" }, { iat: null }),
  ],
  "one that has expired": ["expired", (victim) => withClaims({ exp: seconds(-6) }, { exp: 0 }, { exp: -1 })(victim)],
  "one that is not yet valid": ["premature", (victim) => withClaims({ nbf: seconds(60) }, { nbf: 1e12 })(victim)],
  "one from the future": ["premature", (victim) => withClaims({ iat: seconds(60), exp: seconds(90) })(victim)],
  "`nbf` that is no number": ["misdirected", withClaims({ nbf: "0" }, { nbf: null })],
  "another issuer": [
    "misdirected",
    withClaims(
      { iss: "https://evil.example" },
      { iss: `${rig.ISSUER}/` },
      { iss: rig.ISSUER.toUpperCase() },
      { iss: [rig.ISSUER] },
      { iss: null },
      { iss: "" },
    ),
  ],
  "another audience": [
    "misdirected",
    (victim) =>
      [
        "https://evil.example",
        `${victim.claims["aud"]}/`,
        String(victim.claims["aud"]).slice(0, -1),
        "*",
        "",
        null,
      ].flatMap((aud) => withClaims({ aud })(victim)),
  ],
  "a list of audiences, with the right one among them": [
    "misdirected",
    (victim) =>
      [[victim.claims["aud"]], [victim.claims["aud"], "https://evil.example"], []].flatMap((aud) =>
        withClaims({ aud })(victim),
      ),
  ],
  "a session id that is none": [
    "misdirected",
    withClaims({ sid: "" }, { sid: "*" }, { sid: "../x" }, { sid: ["x"] }, { sid: {} }, { sid: null }),
  ],
  "members of the payload twice": [
    "malformed",
    (victim) => {
      const text = JSON.stringify(victim.claims);
      return [
        forge(headerOf(victim), text.replace("{", '{"sub":"eve",'), asOwner),
        forge(headerOf(victim), text.replace("{", `{"exp":1,`), asOwner),
        forge(headerOf(victim), text.replace(/}$/, `,"aud":${JSON.stringify(victim.claims["aud"])}}`), asOwner),
      ];
    },
  ],
  "a payload written in another way": [
    "malformed",
    (victim) => {
      const text = JSON.stringify(victim.claims);
      return [
        ` ${text}`,
        `\ufeff${text}`,
        JSON.stringify(victim.claims, null, 1),
        text.replace("ada", "\\u0061da"),
      ].map((payload) => forge(headerOf(victim), payload, asOwner));
    },
  ],
  "a signed payload whose base64 has spare bits or padding": [
    "malformed",
    ({ typ, claims }) => {
      // One more space, until the last letter has bits to spare.
      const payloads = ["", " ", "  "].map((spaces) => encode(JSON.stringify({ ...claims, spaces })));
      const spare = payloads.filter((payload) => payload.length % 4 !== 0);
      return [
        ...spare.map((each) => each.slice(0, -1) + nextLetter(each.slice(-1))),
        ...spare.map((each) => `${each}=`),
      ].map((payload) => {
        const input = `${encode(rig.headerOf("ec", typ))}.${payload}`;
        return `${input}.${asOwner(input).toString("base64url")}`;
      });
    },
  ],
  "a payload that is no object of JSON": [
    "malformed",
    (victim) =>
      ["", "[]", "null", '"ada"', "1", "{", "{}x", Buffer.from('{"sub":"\xff"}', "latin1")].map((payload) =>
        forge(headerOf(victim), payload, asOwner),
      ),
  ],
};

export const signatures: Attacks = {
  "changed claims under the old signature": [
    "untrusted",
    ({ genuine, claims }) => {
      const [head, , end] = genuine.split(".");
      return [{ sub: "eve" }, { exp: seconds(1e8) }].map(
        (change) => `${head}.${encode({ ...claims, ...change })}.${end}`,
      );
    },
  ],
  "the signature of another JWT of the same key": [
    "untrusted",
    ({ genuine, another }) => `${genuine.slice(0, genuine.lastIndexOf("."))}${another.slice(another.lastIndexOf("."))}`,
  ],
  "a signature of zeros (CVE-2022-21449)": [
    "untrusted",
    ({ genuine }) => [32, 64, 128].map((length) => resigned(genuine, () => Buffer.alloc(length))),
  ],
  "a signature that is cut off, longer, or as OpenSSL writes it": [
    "untrusted",
    (victim) => [
      resigned(victim.genuine, (bytes) => bytes.subarray(1)),
      resigned(victim.genuine, (bytes) => bytes.subarray(0, 32)),
      resigned(victim.genuine, (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
      forge(headerOf(victim), victim.claims, (input) => signers.ES256asDer(input, ec.privateKey)),
    ],
  ],
  "no signature": [
    "malformed",
    ({ genuine }) => [resigned(genuine, () => Buffer.alloc(0)), genuine.replace(/\.[^.]*$/, "")],
  ],
  "a digest in place of a signature": [
    "untrusted",
    (victim) => forge(headerOf(victim), victim.claims, (input) => Buffer.from(hash("sha256", input, "hex"), "hex")),
  ],
};

export const forms: Attacks = {
  "more than 8192 characters, signed or not": [
    "malformed",
    (victim) => [
      forge(headerOf(victim), { ...victim.claims, padding: "x".repeat(8192) }, asOwner),
      "a".repeat(8193),
      ".".repeat(1 << 20),
      `${"e".repeat(5 << 20)}.${"e".repeat(5 << 20)}.e`,
    ],
  ],
  "a JWE in place of a JWS": [
    "malformed",
    async ({ typ, claims }) =>
      new EncryptJWT(claims)
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", typ, kid: "secret" })
        .encrypt(createSecretKey(rig.secret)),
  ],
  "a JWS as JSON": [
    "malformed",
    ({ genuine }) => {
      const [head, payload, end] = genuine.split(".");
      const flattened = { protected: head, payload, signature: end };
      return [JSON.stringify(flattened), JSON.stringify({ payload, signatures: [flattened] })];
    },
  ],
  "too few or too many segments": [
    "malformed",
    ({ genuine: jwt }) => ["", ".", "..", "...", "a.b", `${jwt}.`, `.${jwt}`, `${jwt}.${jwt}`, jwt.replace(".", "..")],
  ],
  "base64 in another form: padding, another alphabet, spare bits, line breaks": [
    "malformed",
    ({ genuine: jwt }) => [
      `${jwt}=`,
      `${jwt}==`,
      jwt.replace(".", "=."),
      `${jwt}\n`,
      ` ${jwt}`,
      jwt.replace(".", " ."),
      `Bearer ${jwt}`,
      `${jwt.slice(0, -1)}${nextLetter(jwt.slice(-1))}`,
      `${jwt.slice(0, -1)}+`,
      `${jwt.slice(0, -1)}/`,
      jwt.replace(/e/, "\u0435"),
      `${jwt}\0`,
    ],
  ],
  "what is no string": [
    "malformed",
    ({ genuine: jwt }) => [
      ...[undefined, null, 0, true, {}, [], Symbol("jwt"), () => jwt],
      ...[[jwt], Buffer.from(jwt), new TextEncoder().encode(jwt), Object(jwt), { toString: () => jwt }],
    ],
  ],
};
