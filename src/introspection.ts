/** coatcheck/introspection: what a session token stands for, as OAuth 2.0 Token Introspection has it (RFC 7662). */

export {
  type ActiveToken,
  type InactiveToken,
  type IntrospectionResponse,
  type IntrospectOptions,
  introspect,
} from "./introspection/introspection.js";
