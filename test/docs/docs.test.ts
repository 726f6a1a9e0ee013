/**
 * The pages in docs/ say what the code does: programs print what their comments say, transcripts answer as recorded, tables
 * name what there is. That their snippets compile and their links lead somewhere is tested in readme.test.ts.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionStore, SessionError } from "../../src/index.js";
import { introspect } from "../../src/introspection.js";
import * as oneTime from "../../src/one-time.js";
import { type Program, startExample } from "../examples/program.js";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument, namesIn } from "../harness/markdown.js";
import { expectPrinted } from "../harness/printed.js";
import { startRedisServer } from "../harness/redis-server.js";
import { replay } from "../harness/transcript.js";
import { untouchable } from "../harness/untouchable.js";

const page = (name: string) => new MarkdownDocument(new URL(`../../docs/${name}.md`, import.meta.url));
const server = await startRedisServer();
afterFile(() => server.stop());

/** Pages that begin with a program which prints. */
const PROGRAMS = ["one-time"];

/** Pages with a transcript, the example that it was recorded from, its environment, and how many requests it makes. */
const TRANSCRIPTS = [
  {
    name: "introspection",
    env: { CALLERS: "orders:a-secret-of-the-orders-service-only,billing:a-secret-of-the-billing-service-only" },
    requests: 6,
  },
];

describe("the program at the beginning", () => {
  it.each(PROGRAMS)("of docs/%s.md prints what its comments say", async (name) => {
    await expectPrinted(page(name).blocks("ts")[0]?.code ?? "", server.url);
  });
});

describe.each(TRANSCRIPTS)("the transcript", ({ name, env, requests }) => {
  let program: Program;
  // A build may come before.
  beforeAll(async () => {
    program = await startExample(name, { REDIS_URL: server.url, ...env });
  }, 120_000);

  it(`of docs/${name}.md is what its example answers`, async () => {
    const transcript = page(name).blocks("console")[0]?.code ?? "";
    expect(await replay(transcript, program.url)).toBe(requests);
    // The command above it starts the example as it is started here.
    for (const [variable, value] of Object.entries(env)) {
      expect(page(name).blocks("sh")[0]?.code).toContain(`${variable}=${value} `);
    }
  });
});

/** The options that a call has, as it says itself when it gets another. */
async function optionsOf(call: (options: object) => unknown): Promise<string[]> {
  const error = await Promise.resolve()
    .then(() => call({ thereIsNoSuchOption: 1 }))
    .catch((error: unknown) => error);
  return /options are (.*)$/.exec((error as Error).message)?.[1]?.split(", ") ?? [];
}

const firstColumn = (name: string, heading: string) =>
  page(name)
    .table(heading)
    .map(([cell]) => namesIn(cell)[0]);

describe("the tables of docs/one-time.md", () => {
  it("name exactly the options that there are", async () => {
    const options = await optionsOf((options) => oneTime.createOneTimeTokens(untouchable, options as never));
    expect(options).toContain("purpose");
    expect(firstColumn("one-time", "option")).toEqual(options);
  });

  it("name exactly the verbs that there are", () => {
    const verbs = Object.keys(oneTime.createOneTimeTokens(untouchable, { purpose: "reset", ttl: 1 }));
    expect(firstColumn("one-time", "verb")).toEqual(verbs);
  });

  it("name the errors of its own, each with its code and status", () => {
    const own = Object.values(oneTime).filter((value) => Object.prototype.isPrototypeOf.call(SessionError, value));
    const rows = page("one-time").table("error");
    for (const Class of own) {
      const { name, code, status } = Reflect.construct(Class, [1, 1]) as SessionError;
      expect(rows).toContainEqual(expect.arrayContaining([`\`${name}\``, `\`${code}\``, String(status)]));
    }
    expect(own).toHaveLength(1);
  });
});

describe("the tables of docs/introspection.md", () => {
  const store = createSessionStore(untouchable);

  it("name exactly the options that there are", async () => {
    const options = await optionsOf((options) => introspect(store, "", options));
    expect(options).toContain("claims");
    expect(firstColumn("introspection", "option")).toEqual(options);
  });

  it("name the members of the response, and the text those that are reserved", async () => {
    const { session } = { session: { userId: "ada", id: "id", claims: {}, expiresAt: 0, createdAt: 0 } };
    const full = await introspect({ ...store, get: async () => session as never }, "", {
      clientId: "web",
      issuer: "me",
    });
    const cells = page("introspection").table("member").slice(0, -1);
    expect(cells.flatMap(([cell]) => namesIn(cell))).toEqual(Object.keys(full));
    const [, reserved = ""] =
      /never speaks for the token\.\*\* (.*?) are reserved/s.exec(page("introspection").text) ?? [];
    const names = namesIn(reserved);
    expect(names).toHaveLength(11);
    for (const name of names) await expect(introspect(store, "", { claims: [name] })).rejects.toThrow(TypeError);
  });
});
