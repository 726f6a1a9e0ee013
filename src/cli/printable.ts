/**
 * Text of others on a terminal: user ids, claims and addresses come from users, and a terminal obeys control characters. A leaf.
 */

/** Control characters of C0 and C1, those that turn the direction of writing, and those that nobody sees. */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/** A text on one line: what a terminal would obey, or nobody would see, is shown as `\u202e` is here. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (found) =>
    [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** A value as JSON, in which JSON's own escapes stand for what {@link printable} escapes. Without `indent` on one line. */
export function printableJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).split("\n").map(printable).join("\n");
}

/**
 * A URL as a message may show it: without user, password and parameters. A `/`, `#` or `?` in a password ends the host, and then a
 * part of the password would look like a port, and the rest like a path.
 */
export function redacted(url: string): string {
  try {
    const { protocol, host, pathname, search, hash, username, password } = new URL(url);
    const isCutShort = (pathname + search + hash).includes("@") || (username === "" && password === "");
    if (url.includes("@") && isCutShort) {
      return "an address whose user or password has characters that must be escaped, as %2F for /";
    }
    return printable(`${protocol}//${host}${pathname === "/" ? "" : pathname}`);
  } catch {
    return "an address that is no URL";
  }
}
