import { describe, expect, it } from "vitest";
import { connect } from "./fixtures.js";
import { passThrough } from "./pass-through.js";

describe("a client with methods of a test's own", () => {
  it("calls those, and else the real client", async () => {
    const redis = connect();
    const asked: string[] = [];
    const client = passThrough(redis, {
      echo(text: string) {
        asked.push(text);
        return redis.echo(`<${text}>`);
      },
    });
    expect(await client.echo("a")).toBe("<a>");
    expect(await redis.echo("b")).toBe("b");
    expect(asked).toEqual(["a"]);
    expect(await client.ping()).toBe("PONG");
    expect(await client.pipeline().ping().exec()).toEqual([[null, "PONG"]]);
  });

  it("keeps what the methods remember in the real client", () => {
    const redis = connect();
    const client = passThrough(redis, {});
    const listen = () => {};
    client.on("close", listen);
    expect(redis.listeners("close")).toContain(listen);
    client.off("close", listen);
    expect(redis.listeners("close")).not.toContain(listen);
    expect(client.options).toBe(redis.options);
  });
});
