/** `coatcheck explain`: whether a token is live, and why it is not. The token is a secret, so it comes by the input. */
import { isId, parseToken } from "../../leaves/token.js";
import { DONE, Failure, NOTHING_FOUND } from "../failure.js";
import { showInstant } from "../time.js";
import type { Work } from "../work.js";
import { sayNothingFound } from "./sessions.js";

const WORDS: Readonly<Record<string, string>> = {
  revoked: "it alone was ended, for example by a log-out",
  user: "all sessions of the user were ended",
  blocked: "the user was blocked",
  limit: "it made room for another session of the user",
  rotated: "another session has taken its place",
  all: "all sessions were ended",
};

export async function explain(work: Work): Promise<number> {
  const { store, terminal } = work;
  const token = bareToken(await terminal.read("Token: "));
  if (isId(token)) {
    throw new Failure(`That is the id of a session, and no token. What is known of it: coatcheck show ${token}`);
  }
  if (parseToken(token) === null) {
    throw new Failure("The input is no token. Give the token on the standard input: coatcheck explain < file.");
  }
  const explanation = await store.explain(token);
  await terminal.result(explanation, () => {
    if (explanation.state === "live") terminal.line("The session is live.");
    if (explanation.state !== "ended") return;
    const { reason, at, note } = explanation;
    const noted = note === undefined ? "" : ` (${note})`;
    terminal.line(`The session has ended at ${showInstant(at)}: ${WORDS[reason] ?? reason}${noted}.`);
  });
  if (explanation.state !== "unknown") return DONE;
  const when = "it has expired, or it ended longer ago than the option endings of the application's store keeps";
  await sayNothingFound(work, `Nothing is known of this token: ${when}, or it never was one.`);
  return NOTHING_FOUND;
}

/** A token without what is around it where people copy it from: the header, the name of the cookie, quotes. */
function bareToken(text: string): string {
  return text
    .replace(/^authorization:\s*/i, "")
    .replace(/^bearer\s+/i, "")
    .replace(/^[\w-]+=/, "")
    .replace(/^(["'])(.*)\1$/, "$2");
}
