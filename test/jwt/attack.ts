/** What an attack on a JWT is: whom it is on, and what it sends. */
import * as rig from "./rig.js";
import { asOwner, forge, type Members, type Rejection } from "./rig.js";

/** What is attacked: one kind of JWT, and who verifies it. */
export interface Victim {
  readonly typ: string;
  readonly otherTyp: string;
  /** A JWT that is accepted. */
  readonly genuine: string;
  /** Another one. */
  readonly another: string;
  /** The claims of `genuine`. */
  readonly claims: Members;
  readonly verify: (jwt: unknown) => Promise<unknown>;
  /** Refusals since the last call. */
  readonly rejections: () => Rejection[];
}

/** Makes what is sent; several variants count as one attack. */
export type Attack = (victim: Victim) => unknown;

/** Attacks by what they send, each with the reason that operators are told. */
export type Attacks = Readonly<Record<string, readonly [reason: Rejection["reason"], attack: Attack]>>;

/** The header of the first key, with changes. */
export const headerOf = ({ typ }: Victim, changes: Members = {}): Members => ({
  ...rig.headerOf("ec", typ),
  ...changes,
});

export const without = (members: Members, name: string): Members =>
  Object.fromEntries(Object.entries(members).filter(([each]) => each !== name));

/** Signed by the owner of the key with other headers. */
export const withHeader =
  (...changes: Members[]): Attack =>
  (victim) =>
    changes.map((change) => forge(headerOf(victim, change), victim.claims, asOwner));

/** Signed by the owner of the key with other claims. */
export const withClaims =
  (...changes: Members[]) =>
  (victim: Victim): string[] =>
    changes.map((change) => forge(headerOf(victim), { ...victim.claims, ...change }, asOwner));
