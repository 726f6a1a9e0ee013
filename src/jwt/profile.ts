/**
 * One kind of JWT, as RFC 8725 demands: a type of its own, and fixed keys, issuer and claims. It accepts only what it would
 * have written itself, to the letter. Knows no session.
 *
 * The header is not parsed but looked up. Each key has one header, `{"alg","typ","kid"}`, and a JWT whose header is none of
 * these is refused: so nobody can bring an `alg`, `kid`, `jwk`, `jku`, `x5u`, `crit` or `b64` of their own.
 */
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { checkInteger } from "../leaves/arguments.js";
import { hintAtShortUnit } from "../leaves/hints.js";
import { isId } from "../leaves/token.js";
import type { RejectionReason } from "../sessions/events.js";
import { checkPrintable, type JwtKeyOptions, parseKeys, type SigningKey } from "./signing-key.js";

/** Longer than anything that is signed here: keys, names and user ids are limited in length. */
const MAX_LENGTH = 8192;
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** Who signs, and how far clocks may differ. */
export type JwtOptions = JwtKeyOptions & {
  /** The `iss` of every JWT: who signs it, usually a URL. At most 256 printable ASCII characters. */
  readonly issuer: string;
  /**
   * How far the clocks of two processes may differ, ms, at most a minute. The process that verifies a JWT judges `exp`, `iat`
   * and `nbf` by its own clock, not by that of Redis. Default: 5 seconds.
   */
  readonly clockTolerance?: number | undefined;
};

/**
 * The result of a verification: the claims; or why the JWT was refused, and which session it names if its signature is right.
 */
export type JwtVerdict = { readonly claims: JWTPayload } | RefusedJwt;

export interface RefusedJwt {
  readonly claims: null;
  readonly reason: RejectionReason;
  readonly id: string | null;
}

/** What makes one kind of JWT differ from others. */
interface JwtKind {
  /** The header's `typ`: no kind accepts what another kind has written (RFC 8725, 3.11). */
  readonly typ: string;
  /** How old it may become, ms, whatever its `exp` says. */
  readonly maxAge: number;
}

/** Signs and verifies one kind of JWT. */
export class JwtProfile {
  readonly keys: readonly SigningKey[];
  readonly #issuer: string;
  readonly #kind: JwtKind;
  readonly #signer: SigningKey;
  readonly #byHeader: ReadonlyMap<string, SigningKey>;
  readonly #clockTolerance: number;

  /** Throws `TypeError` and `RangeError` for wrong options. */
  constructor(kind: JwtKind, options: JwtOptions) {
    this.#kind = kind;
    this.keys = parseKeys(options);
    this.#signer = this.keys[0] as SigningKey;
    this.#issuer = checkPrintable("issuer", options.issuer, 256);
    this.#clockTolerance = checkInteger("clockTolerance (ms)", options.clockTolerance ?? 5000, 0, 60_000);
    hintAtShortUnit("clockTolerance", options.clockTolerance);
    this.#byHeader = new Map(this.keys.map((key) => [encode(this.#headerOf(key)), key]));
  }

  /** Signs claims with the first key. */
  async sign(claims: JWTPayload): Promise<string> {
    const key = await this.#signer.signing();
    return new SignJWT({ iss: this.#issuer, ...claims }).setProtectedHeader(this.#headerOf(this.#signer)).sign(key);
  }

  /** Verifies a JWT, without any I/O. It throws for no value. */
  async verify(jwt: unknown, audience: string): Promise<JwtVerdict> {
    if (typeof jwt !== "string" || jwt.length > MAX_LENGTH) return refusedJwt("malformed");
    const [, header = "", payload = "", signature = ""] = COMPACT.exec(jwt) ?? [];
    // The same bytes can be written in several ways. We write one of them, and read no other.
    if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature)) return refusedJwt("malformed");
    const key = this.#byHeader.get(header);
    if (key === undefined) return refusedJwt("untrusted");
    const verifying = await key.verifying();
    try {
      const { payload: claims } = await jwtVerify(jwt, verifying, {
        algorithms: [key.alg],
        typ: this.#kind.typ,
        issuer: this.#issuer,
        audience,
        requiredClaims: ["exp"],
        maxTokenAge: this.#kind.maxAge / 1000,
        clockTolerance: this.#clockTolerance / 1000,
      });
      // Parsers differ in which of two members of one name they take. Such a payload is not what we would write.
      if (Buffer.from(payload, "base64url").toString() !== JSON.stringify(claims)) return refusedJwt("malformed");
      // An audience is one service, not a list. No service accepts a JWT that is meant for two.
      return claims.aud === audience ? { claims } : refusedJwt("misdirected", claims);
    } catch (error) {
      if (error instanceof errors.JOSEError) return refusedBy(error);
      throw error;
    }
  }

  #headerOf({ alg, kid }: SigningKey) {
    return { alg, typ: this.#kind.typ, kid };
  }
}

/** A refusal. `claims` are given if the signature is right. */
export function refusedJwt(reason: RejectionReason, claims?: JWTPayload): RefusedJwt {
  const sid = claims?.["sid"];
  return { claims: null, reason, id: isId(sid) ? sid : null };
}

/** Seconds, as in JWTs (RFC 7519, 2). Rounded down, so that no JWT lives too long. */
export function numericDate(ms: number): number {
  return Math.floor(ms / 1000);
}

function refusedBy(error: InstanceType<typeof errors.JOSEError>): RefusedJwt {
  if (error instanceof errors.JWTExpired) return refusedJwt("expired", error.payload);
  if (error instanceof errors.JWTClaimValidationFailed) {
    const isEarly = error.reason === "check_failed" && (error.claim === "nbf" || error.claim === "iat");
    return refusedJwt(isEarly ? "premature" : "misdirected", error.payload);
  }
  return refusedJwt(error instanceof errors.JWSSignatureVerificationFailed ? "untrusted" : "malformed");
}

function encode(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString("base64url");
}

function isCanonical(segment: string): boolean {
  return segment !== "" && Buffer.from(segment, "base64url").toString("base64url") === segment;
}
