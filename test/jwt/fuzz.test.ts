/** A hundred thousand JWTs that were tampered with: none is accepted, and none reaches Redis. */
import { createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createJwtSessions } from "../../src/jwt.js";
import * as rig from "./rig.js";

const MUTANTS = 100_000;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const { store, rejections, costOf } = await rig.openRig();
// HMAC first: it takes the least time, and a single wrong bit is as wrong as with any other.
const keys = [rig.keys[1], rig.keys[0], rig.keys[3]] as const;
const jwtsOf = (first: number) =>
  createJwtSessions(store, {
    keys: [keys[first] ?? keys[0], ...keys.filter((_, at) => at !== first)],
    issuer: rig.ISSUER,
    audience: rig.AUDIENCE,
  });
const jwts = jwtsOf(0);
const users = [
  "ada",
  "eve",
  undefined,
  "ada:{1}",
  "\ud83d\ude80",
  'a"b',
  "x".repeat(256),
  undefined,
  "1",
  "null",
  "bob",
  "cy",
];
const issued = await Promise.all(users.map((userId) => store.create({ userId })));
/** What is accepted: sessions of users and guests, nearly all of them signed with the first key. */
const genuine = await Promise.all([
  ...issued.map((each) => jwts.wrap(each)),
  ...issued.slice(0, 1).flatMap((each) => [jwtsOf(1).wrap(each), jwtsOf(2).wrap(each)]),
]);
const tokens = await Promise.all(
  issued.slice(0, 2).map(({ session }) => jwts.mint(session, { audience: rig.SERVICE })),
);
/** What segments are taken from. */
const donors = [...genuine, ...tokens].map((jwt) => jwt.split("."));
const strangers = [Buffer.alloc(0), Buffer.from("secret"), randomBytes(32), Buffer.from(keys[0].key).reverse()];

const place = fc.nat({ max: 1 << 16 });
const at = <T>(list: ArrayLike<T>, index: number): T => list[index % list.length] as T;
const replaced = (text: string, from: number, to: number, by: string) => text.slice(0, from) + by + text.slice(to);
const decoded = (segment: string) => Buffer.from(segment, "base64url");
const withSegment = (jwt: string, which: number, change: (segment: string) => string) =>
  jwt
    .split(".")
    .map((segment, index) => (index === which % 3 ? change(segment) : segment))
    .join(".");
const hmac = (input: string, key: Uint8Array) => createHmac("sha256", key).update(input).digest("base64url");

/** One step of tampering. */
type Mutation = (jwt: string) => string;

const bitFlip = fc.tuple(place, place, fc.nat({ max: 7 })).map(
  ([which, where, bit]): Mutation =>
    (jwt) =>
      withSegment(jwt, which, (segment) => {
        const bytes = decoded(segment);
        if (bytes.length > 0) bytes[where % bytes.length] = (bytes[where % bytes.length] as number) ^ (1 << bit);
        return bytes.toString("base64url");
      }),
);
const letter = fc.tuple(place, place).map(
  ([where, which]): Mutation =>
    (jwt) => {
      const index = where % (jwt.length + 1);
      return replaced(jwt, index, index + 1, at(ALPHABET, which));
    },
);
/** Spare bits of a last letter, padding, the other alphabet, line breaks, and letters that only look alike. */
const encoding = fc
  .tuple(
    place,
    place,
    fc.constantFrom("=", "==", "\n", "\r\n", " ", "\t", "\0", "+", "/", "%2e", "\u0435", "\u200b", "．", "\ud800"),
  )
  .map(
    ([which, where, odd]): Mutation =>
      (jwt) =>
        withSegment(jwt, which, (segment) => {
          const last = ALPHABET.indexOf(segment.slice(-1));
          switch (where % 4) {
            case 0:
              return `${segment.slice(0, -1)}${at(ALPHABET, last ^ 1)}`;
            case 1:
              return segment + odd;
            case 2:
              return odd + segment;
            default:
              return replaced(segment, where % (segment.length + 1), (where % (segment.length + 1)) + 1, odd);
          }
        }),
  );
const cut = fc.tuple(place, place).map(
  ([from, to]): Mutation =>
    (jwt) => {
      const [start, end] = [from % jwt.length, to % jwt.length].sort((a, b) => a - b) as [number, number];
      return to % 2 === 0 ? jwt.slice(0, end) : replaced(jwt, start, end, "");
    },
);
const doubled = fc.tuple(place, place).map(
  ([from, to]): Mutation =>
    (jwt) => {
      const [start, end] = [from % jwt.length, to % jwt.length].sort((a, b) => a - b) as [number, number];
      return replaced(jwt, start, start, jwt.slice(start, end));
    },
);
const swap = fc.tuple(place, place, place).map(
  ([which, donor, source]): Mutation =>
    (jwt) =>
      withSegment(jwt, which, () => at(at(donors, donor), source % 4 === 0 ? source : which)),
);
const reorder = fc.constantFrom([0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0], [0, 1], [0, 1, 2, 2], [0, 0, 1, 2]).map(
  (order): Mutation =>
    (jwt) =>
      order.map((index) => jwt.split(".")[index]).join("."),
);
/** Other members in the header or the payload, under a signature of nobody, of a stranger, or the one that was there. */
const rewrite = fc
  .record({
    which: fc.nat({ max: 1 }),
    name: fc.constantFrom(
      "alg",
      "typ",
      "kid",
      "crit",
      "b64",
      "jwk",
      "jku",
      "x5u",
      "cty",
      "sub",
      "sid",
      "secret",
      "iss",
      "aud",
      "exp",
      "iat",
      "nbf",
    ),
    value: fc.oneof(
      fc.constantFrom<unknown>(
        "none",
        "HS256",
        "ES256",
        "EdDSA",
        "RS256",
        "secret",
        "ec",
        "ed",
        "",
        null,
        0,
        1e12,
        true,
        [],
        {},
      ),
      fc.constantFrom<unknown>(
        rig.ISSUER,
        rig.AUDIENCE,
        rig.SERVICE,
        rig.SESSION_TYPE,
        rig.SERVICE_TYPE,
        "JWT",
        "eve",
        ["b64"],
      ),
      fc.jsonValue({ maxDepth: 2 }),
    ),
    form: fc.nat({ max: 3 }),
    stranger: fc.nat({ max: 8 }),
  })
  .map(
    ({ which, name, value, form, stranger }): Mutation =>
      (jwt) => {
        const rewritten = withSegment(jwt, which, (segment) => {
          const text = decoded(segment).toString();
          const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
          // As a second member in front or behind, in place of the one that is there, or without it.
          if (form === 0) return rig.encode(text.replace("{", `{${member},`));
          if (form === 1) return rig.encode(text.replace(/\}$/, `,${member}}`));
          const members = parse(text);
          if (form === 2) return rig.encode({ ...members, [name]: value });
          return rig.encode(Object.fromEntries(Object.entries(members).filter(([each]) => each !== name)));
        });
        return stranger < strangers.length ? resigned(rewritten, at(strangers, stranger)) : rewritten;
      },
  );
const resign = place.map(
  (stranger): Mutation =>
    (jwt) =>
      resigned(jwt, at(strangers, stranger)),
);
const rubbish = fc.oneof(fc.string({ maxLength: 300 }), fc.base64String({ maxLength: 300 })).map(
  (text): Mutation =>
    (jwt) =>
      text.length % 2 === 0 ? text : withSegment(jwt, text.length, () => text),
);

function parse(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    // An earlier step has made it unreadable.
    return {};
  }
}

function resigned(jwt: string, key: Uint8Array): string {
  const input = jwt.slice(0, Math.max(jwt.lastIndexOf("."), 0));
  return `${input}.${hmac(input, key)}`;
}

const mutations = fc.array(
  fc.oneof(
    ...[bitFlip, letter, encoding, cut, doubled, swap, reorder, resign, rubbish].map((arbitrary) => ({
      arbitrary,
      weight: 2,
    })),
    { arbitrary: rewrite, weight: 4 },
  ),
  { minLength: 1, maxLength: 3 },
);

it(`refuses ${MUTANTS} JWTs that were tampered with, before Redis hears of them`, { timeout: 300_000 }, async () => {
  let mutants = 0;
  const cost = await costOf(() =>
    fc.assert(
      fc.asyncProperty(place, mutations, async (which, steps) => {
        const jwt = steps.reduce((before, step) => step(before), at(genuine, which));
        // Some steps change nothing, or undo another.
        if (genuine.includes(jwt)) return true;
        mutants++;
        return (await jwts.verify(jwt)) === null;
      }),
      { numRuns: MUTANTS * 1.02, seed: 8725 },
    ),
  );
  expect(cost).toEqual({});
  expect(mutants).toBeGreaterThanOrEqual(MUTANTS);
  const reasons = rejections().map(({ reason }) => reason);
  expect(reasons).toHaveLength(mutants);
  expect(new Set(reasons)).toEqual(new Set(["malformed", "untrusted"]));
  // Many get as far as to a key.
  expect(reasons.filter((reason) => reason === "untrusted").length).toBeGreaterThan(MUTANTS / 3);
  // And what was tampered with is accepted to this moment.
  for (const jwt of genuine) expect(await jwts.verify(jwt)).not.toBeNull();
});
