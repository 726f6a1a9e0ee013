/** Puts a Lua script together from its preludes and its body. It knows no Redis. */

/**
 * The body of a script, after the parts of its preludes that it uses. At each call Redis runs the whole text, and makes every
 * function in it again: functions that the script does not call took a tenth of the time of a revocation.
 */
export function link(parts: readonly string[]): string {
  const body = parts.at(-1) ?? "";
  // Only a definition at the beginning of a line is outside of a function.
  const definitions = parts.slice(0, -1).flatMap((prelude) => prelude.split(/\n(?=local )/));
  const used: string[] = [];
  const words = wordsOf(body);
  // A function is defined before the functions that call it.
  for (const definition of definitions.toReversed()) {
    const [, name = ""] = /^local (?:function )?(\w+)/.exec(definition) ?? [];
    if (name !== "" && !words.has(name)) continue;
    used.unshift(definition);
    for (const word of wordsOf(definition)) words.add(word);
  }
  return [...used, body].join("\n");
}

/**
 * The same script, but its last argument is the number of the call, which it puts in front of its reply: of the text, or of the
 * first part of the list. That costs less than a list around the reply, which Redis would have to turn into one reply more.
 * The script itself does not see the number. An error has none: whoever gets one knows only that something has failed. A list that
 * a command gave is no table on ioredis-mock, so it is told from a text and a number.
 */
export function numbered(source: string): string {
  return `local number = table.remove(ARGV)
local reply = (function()
${source}
end)()
local kind = type(reply)
if kind == 'string' or kind == 'number' then return number .. reply end
reply[1] = number .. reply[1]
return reply`;
}

function wordsOf(text: string): Set<string> {
  return new Set(text.match(/\w+/g));
}
