/**
 * The Lua scripts of one-time tokens by name, for code that needs them all; a verb calls a script by the function beside it.
 * They have a table of their own, so that the core of the package does not contain them.
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
