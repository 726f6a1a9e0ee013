import { scryptSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hashPassword, verifyPassword } from "../../examples/passwords.js";

describe("a password", () => {
  it("is hashed by scrypt at the cost that is written beside the hash, and verified by it", async () => {
    const stored = await hashPassword("correct horse");
    expect(stored).toMatch(/^16384:8:5:[\w-]{22}:[\w-]{43}$/);
    const [, , , salt = "", hash] = stored.split(":");
    const expected = scryptSync("correct horse", Buffer.from(salt, "base64url"), 32, { N: 16384, r: 8, p: 5 });
    expect(hash).toBe(expected.toString("base64url"));
    expect(await verifyPassword("correct horse", stored)).toBe(true);
    expect(await verifyPassword("battery staple", stored)).toBe(false);
  });

  it("that was hashed at another cost stays good, and nobody's is nobody's", async () => {
    const stored = await hashPassword("correct horse", { N: 2, r: 1, p: 1 });
    expect(stored).toMatch(/^2:1:1:/);
    expect(await verifyPassword("correct horse", stored)).toBe(true);
    expect(await verifyPassword("", null)).toBe(false);
    expect(await verifyPassword("", undefined)).toBe(false);
  });
});
