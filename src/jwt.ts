/** coatcheck/jwt: session tokens inside signed JWTs, and short service tokens minted from sessions. Needs `jose`. */

export { createJwtSessions, type JwtSessions, type JwtSessionsOptions } from "./jwt/jwt-sessions.js";
export type { JwtOptions } from "./jwt/profile.js";
export {
  createServiceTokenVerifier,
  type MintOptions,
  type ServiceToken,
  type ServiceTokenVerifier,
  type ServiceTokenVerifierOptions,
} from "./jwt/service-token.js";
export type { JwtAlgorithm, JwtKey, JwtKeyMaterial, JwtKeyPair } from "./jwt/signing-key.js";
