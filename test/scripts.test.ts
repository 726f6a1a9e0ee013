/** The header of every Lua script against its body: a header that has drifted is worse than none. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dropInScripts } from "../src/drop-in/scripts/scripts.js";
import { oneTimeScripts } from "../src/one-time/scripts/scripts.js";
import { scripts } from "../src/sessions/scripts/scripts.js";

const SRC = new URL("../src/", import.meta.url);
const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".lua"));
/** Preludes hold functions that scripts share; they have no KEYS of their own, and return nothing. */
const PRELUDES = ["redis/prelude.lua", "sessions/scripts/record.lua", "sessions/scripts/index.lua"];
const verbs = files.filter((name) => !PRELUDES.includes(name));

/** Every script of every table, by the name of its file. */
const tables = { "sessions/scripts": scripts, "one-time/scripts": oneTimeScripts, "drop-in/scripts": dropInScripts };
const all = Object.entries(tables).flatMap(([folder, table]) =>
  Object.entries(table).map(([verb, script]) => {
    const kebab = verb.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [`${folder}/${kebab}.lua`, script] as const;
  }),
);

interface Parts {
  readonly header: string;
  /** Everything after the header, without comments. */
  readonly body: string;
}

function partsOf(name: string): Parts {
  const lines = readFileSync(new URL(name, SRC), "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  const body = lines.slice(end).map((line) => line.replace(/--.*$/, ""));
  return { header: lines.slice(0, end).join("\n"), body: body.join("\n") };
}

/** The numbers that stand in a text as `KEYS[n]`, ascending, each once. */
function numbersOf(text: string, table: "KEYS" | "ARGV"): number[] {
  const found = [...text.matchAll(new RegExp(`${table}\\[(\\d+)(?:…)?\\]`, "g"))].map(([, number]) => Number(number));
  return [...new Set(found)].sort((a, b) => a - b);
}

/** From where on a script takes any number of arguments, as its header says. */
const openFrom = (header: string) => Number(/ARGV\[(\d+)…\]/.exec(header)?.[1] ?? Number.POSITIVE_INFINITY);

describe.each(verbs)("%s", (name) => {
  const { header, body } = partsOf(name);

  it("documents every KEYS[n] that it uses, and uses every one that it documents", () => {
    expect(numbersOf(header, "KEYS")).toEqual(numbersOf(body, "KEYS"));
    expect(numbersOf(header, "KEYS")[0]).toBe(1);
  });

  it("documents every ARGV[n] that it uses, and uses every one that it documents", () => {
    const open = openFrom(header);
    const documented = numbersOf(header, "ARGV");
    // Without a gap: a caller fills them one by one.
    expect(documented).toEqual(documented.map((_, at) => at + 1));
    const used = numbersOf(body, "ARGV").filter((number) => number < open);
    expect(documented.filter((number) => number < open)).toEqual(used);
  });

  it("takes any number of arguments exactly where its header says so", () => {
    const open = openFrom(header);
    // `for i = n, #ARGV` in its own body, or patched(record, n, most) and patch_page(…, n, most) of the preludes, or all of them as a list.
    const loops = [
      ...body.matchAll(/for i = (\d+), #ARGV|patch(?:ed\(\w+|_page\(sessions, ids, reply), (\d+),|, ARGV\)/g),
    ];
    const starts = loops.map(([, own, prelude]) => Number(own ?? prelude ?? 1));
    expect(starts).toEqual(starts.map(() => open));
    expect(starts.length > 0).toBe(Number.isFinite(open));
  });

  it("says what it does and what it returns", () => {
    const [purpose = ""] = header.split("\n");
    expect(purpose).toMatch(/^-- [A-Z].*\w/);
    expect(header).toMatch(/^-- Returns {2}\S/m);
    expect(body).toMatch(/\breturn\b/);
  });

  it("names every status that it returns", () => {
    const returned = [...body.matchAll(/return (?:\{ )?'([a-z]+)'/g)].map(([, status]) => status);
    for (const status of returned) expect(header).toContain(`'${status}'`);
  });

  it("says how its loops over a user's sessions or tokens are bounded", () => {
    const loops = /\b(strike_page|page)\(|ZRANGE(BYSCORE)?', index, (0, -1|'\()|LRANGE'/.test(body);
    expect(/^-- Bound {4}\S/m.test(header)).toBe(loops);
  });
});

describe.each(files)("%s", (name) => {
  const source = readFileSync(new URL(name, SRC), "utf8");
  const { body } = partsOf(name);

  it("is plain Lua, so that it also runs when Redis is out of memory", () => {
    expect(source).not.toContain("#!lua");
    expect(source.startsWith("-- ")).toBe(true);
  });

  it("builds and reads no JSON, and looks for no keys", () => {
    expect(body).not.toMatch(/\b(cjson|cmsgpack|struct|bit)\b/);
    expect(body).not.toMatch(/\b(call|pcall)\(\s*['"](SCAN|KEYS|RANDOMKEY|FLUSHALL|FLUSHDB)['"]/i);
  });

  it("takes keys from KEYS, never from ARGV", () => {
    expect(body).not.toMatch(/call\(\s*'[A-Z]+',\s*ARGV/);
  });
});

describe("the scripts together", () => {
  it("are all of the folder, one for each file", () => {
    expect(all.map(([name]) => name).sort()).toEqual(verbs.toSorted());
    for (const [name, { source, numbered }] of all) {
      const { body } = partsOf(name);
      const code = body.split("\n").map((line) => line.trim());
      const lines = source.split("\n").map((line) => line.trim());
      // What gives the number of the call back is around it.
      if (numbered) {
        expect(lines.splice(0, 2)).toEqual(["local number = table.remove(ARGV)", "local reply = (function()"]);
        expect(lines.splice(-5)).toEqual([
          "end)()",
          "local kind = type(reply)",
          "if kind == 'string' or kind == 'number' then return number .. reply end",
          "reply[1] = number .. reply[1]",
          "return reply",
        ]);
      }
      const shipped = lines;
      expect(shipped.join("\n").endsWith(code.filter((line) => line !== "").join("\n")), name).toBe(true);
      expect(source).not.toMatch(/^\s*--|\n\n/m);
    }
  });

  it("give the number of the call back, but for the two that each request runs, which name the call in their own way", () => {
    const unnumbered = all.filter(([, { numbered }]) => !numbered).map(([name]) => name);
    expect(unnumbered.sort()).toEqual(["sessions/scripts/get.lua", "sessions/scripts/touch.lua"]);
    for (const [name, { source, numbered }] of all) {
      // An error in a list is no error for every client.
      if (numbered) expect(source, name).not.toMatch(/return \{ err =|error_reply/);
    }
  });

  it("have different sources, known by their SHA-1", () => {
    const shas = all.map(([, { sha }]) => sha);
    expect(new Set(shas).size).toBe(shas.length);
    for (const sha of shas) expect(sha).toMatch(/^[0-9a-f]{40}$/);
  });

  it("define no function that they do not call: Redis would make it anew at each call", () => {
    for (const [name, { source }] of all) {
      for (const [, fn = ""] of source.matchAll(/^local function (\w+)/gm)) {
        expect(source.match(new RegExp(`\\b${fn}\\b`, "g"))?.length, `${fn} in ${name}`).toBeGreaterThan(1);
      }
    }
  });

  it("define every function that they call before they call it", () => {
    // A missing prelude would show only when the line is reached.
    for (const [name, { source }] of all) {
      const code = source.replace(/--.*$/gm, "");
      const defined = [...code.matchAll(/local function (\w+)/g)].map(([, fn]) => fn);
      const called = [...code.matchAll(/(?<![.\w:])([a-z_]+)\(/g)].map(([, fn]) => fn);
      const known = new Set([...defined, ...LUA]);
      expect(
        called.filter((fn) => !known.has(fn)),
        name,
      ).toEqual([]);
    }
  });
});

const LUA = [
  "function",
  "tonumber",
  "tostring",
  "pairs",
  "ipairs",
  "unpack",
  "pcall",
  "error",
  "type",
  "if",
  "and",
  "or",
  "not",
];
