/** coatcheck/fastify: sessions for Fastify 5. */

export {
  type FastifyGuard,
  type FastifyRequirement,
  requireSession,
  type SessionsPluginOptions,
  sessions,
} from "./adapters/fastify.js";
export { safeReturnTo } from "./http/navigation.js";
export type { RequestSession } from "./http/request-session.js";
