/** docs/jwt.md says what the code does: its programs print what their comments say, and its attacks are those of the tests. */
import { describe, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { expectPrinted } from "../harness/printed.js";
import { startRedisServer } from "../harness/redis-server.js";
import { claims, forms, signatures } from "./attacks-on-bodies.js";
import { algorithms, headers, keysOfTheForger } from "./attacks-on-headers.js";

const document = new MarkdownDocument(new URL("../../docs/jwt.md", import.meta.url));
const programs = document.blocks("ts").filter(({ code }) => code.includes("console.log("));

describe("docs/jwt.md", () => {
  it.each(programs)("has a program on line $line that prints what its comments say", async ({ code }) => {
    // They use the default prefix, so the server is theirs alone.
    const server = await startRedisServer();
    afterFile(() => server.stop());
    await expectPrinted(code, server.url);
  });

  it("has two such programs", () => {
    expect(programs.length).toBe(2);
  });

  it("names exactly the attacks that are tried, each with its reason", () => {
    const attacks = { ...algorithms, ...keysOfTheForger, ...headers, ...claims, ...signatures, ...forms };
    const tried = Object.entries(attacks).map(([name, [reason]]) => [name, `\`${reason}\``]);
    expect(document.table("attack").map((cells) => cells.slice(0, 2))).toEqual(tried);
  });
});
