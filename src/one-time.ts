/** coatcheck/one-time: tokens that work once, for password resets, e-mail verification, invitations and links to log in. */

export { IssueLimitError } from "./one-time/issue-limit-error.js";
export {
  createOneTimeTokens,
  type IssuedOneTimeToken,
  type IssueOptions,
  type OneTimeTokens,
  type OneTimeTokensOptions,
} from "./one-time/one-time-tokens.js";
export type { OneTimeToken } from "./one-time/record.js";
