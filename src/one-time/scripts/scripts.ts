/**
 * The Lua scripts of one-time tokens by name, for those who need them all; a verb calls one by the function that lies beside
 * it. A table of their own, so that the core of the package does not carry them.
 */
import { consumeScript } from "./consume.js";
import { issueScript } from "./issue.js";
import { peekScript } from "./peek.js";
import { revokeForSubjectScript } from "./revoke-for-subject.js";

export const oneTimeScripts = {
  consume: consumeScript,
  issue: issueScript,
  peek: peekScript,
  revokeForSubject: revokeForSubjectScript,
} as const;
