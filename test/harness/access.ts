/** The least-privileged user of docs/operations.md, who runs the contract of the store. */
import type { Redis } from "ioredis";
import { MarkdownDocument } from "./markdown.js";

const page = new MarkdownDocument(new URL("../../docs/operations.md", import.meta.url));

export interface DocumentedUser {
  readonly username: string;
  readonly password: string;
  /** Rules of `ACL SETUSER`. */
  readonly rules: readonly string[];
}

/** The user as documented, with what the table adds `for` some purposes, and with the prefix of the tests. */
export function documentedUser(...purposes: readonly string[]): DocumentedUser {
  const words = (page.blocks("acl")[0]?.code ?? "").split(/\s+/);
  const [command, subcommand, username = "", ...rules] = words;
  if (command !== "ACL" || subcommand !== "SETUSER") throw new Error("docs/operations.md has no ACL SETUSER.");
  return {
    username,
    password: rules.find((rule) => rule.startsWith(">"))?.slice(1) ?? "",
    rules: [...rules, ...purposes.flatMap(additionFor)].map((rule) =>
      rule.replace("~coatcheck:", "~coatcheck-test:").replace("&coatcheck:", "&coatcheck-test:*"),
    ),
  };
}

/** The rules that the table adds for one purpose. */
export function additionFor(purpose: string): string[] {
  const row = page.table("for").find(([first]) => first === purpose);
  const rules = /^`([^`]+)`/.exec(row?.[1] ?? "")?.[1];
  if (rules === undefined) throw new Error(`docs/operations.md adds nothing for ${JSON.stringify(purpose)}.`);
  return rules.replaceAll("\\|", "|").split(" ");
}

/** Makes a server know the user. */
export async function grant(admin: Redis, { username, rules }: DocumentedUser): Promise<void> {
  await admin.call("ACL", "SETUSER", username, "reset", ...rules);
}
