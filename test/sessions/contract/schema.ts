/** Claims under a Standard Schema, with two libraries that know nothing of each other. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ClaimsError } from "../../../src/index.js";
import { present, type Rig } from "./rig.js";

interface Claims {
  role: "admin" | "user";
  visits: number;
  nick?: string | undefined;
}

interface Flavour {
  /** Trims `nick`, drops what it does not know, and has admins visit at least once. */
  readonly plain: StandardSchemaV1<unknown, Claims>;
  /** The same, judged by promise. */
  readonly async: StandardSchemaV1<unknown, Claims>;
}

const adminsVisit = ({ role, visits }: Claims) => role !== "admin" || visits >= 1;
const MESSAGE = "admins visit";

const zodClaims = z.object({
  role: z.enum(["admin", "user"]),
  visits: z.number().int().min(0),
  nick: z.string().trim().optional(),
});
const valibotClaims = v.object({
  role: v.picklist(["admin", "user"]),
  visits: v.pipe(v.number(), v.integer(), v.minValue(0)),
  nick: v.optional(v.pipe(v.string(), v.trim())),
});

const FLAVOURS: Record<string, Flavour> = {
  zod: {
    plain: zodClaims.refine(adminsVisit, MESSAGE),
    async: zodClaims.refine(async (claims) => adminsVisit(claims), MESSAGE),
  },
  valibot: {
    plain: v.pipe(valibotClaims, v.check(adminsVisit, MESSAGE)),
    async: v.pipeAsync(
      valibotClaims,
      v.checkAsync(async (claims) => adminsVisit(claims), MESSAGE),
    ),
  },
};

const kinds = Object.entries(FLAVOURS).flatMap(([name, { plain, async }]) => [
  { name, schema: plain },
  { name: `${name}, asynchronous`, schema: async },
]);

/** Claims that the type refuses too: a caller in JavaScript has no type. */
const untyped = (claims: object) => claims as Claims;

export function describeSchemas(rig: Rig): void {
  describe.each(kinds)("claims under a schema of $name", ({ schema }) => {
    const user: Claims = { role: "user", visits: 0 };

    it("are stored as the schema makes them", async () => {
      const { store } = rig.open({ claims: schema });
      const { token, session } = await store.create({ claims: untyped({ ...user, nick: "  Ada ", evil: true }) });
      expect(session.claims).toEqual({ ...user, nick: "Ada" });
      expect((await store.updateClaims(token, { nick: " Bea" }))?.claims.nick).toBe("Bea");
      expect((await store.updateClaims(token, () => untyped({ nick: "Cy ", evil: 1 })))?.claims).toEqual({
        ...user,
        nick: "Cy",
      });
      expect(present(await store.rotate(token, { claims: { nick: "Di " } })).session.claims.nick).toBe("Di");
    });

    it("are refused with the schema's issues, and nothing is created", async () => {
      const { store, keys } = rig.open({ claims: schema });
      const error = await refusal(store.create({ userId: "ada", claims: untyped({ role: "root", visits: -1 }) }));
      expect(error.issues.map(({ path }) => path)).toEqual([["role"], ["visits"]]);
      expect(error.message).toMatch(/^The schema refuses these claims: role: .+; visits: .+/);
      for (const { message } of error.issues) expect(error.message).toContain(message);
      // Also where none are given: the schema asks for some.
      expect((await refusal(store.create({ userId: "ada" }))).issues).toHaveLength(2);
      expect(await keys()).toEqual([]);
    });

    it("are judged as a whole when a patch changes a part", async () => {
      const { store } = rig.open({ claims: schema });
      const { token, session } = await store.create({ claims: user });
      for (const change of [{ role: "admin" }, () => ({ role: "admin" })] as const) {
        const error = await refusal(store.updateClaims(token, change as { role: "admin" }));
        expect(error.issues).toEqual([{ message: MESSAGE, path: [] }]);
        expect(error.message).toBe(`The schema refuses these claims: ${MESSAGE}`);
      }
      expect((await refusal(store.updateClaims(token, { visits: undefined }))).issues[0]?.path).toEqual(["visits"]);
      expect(await store.get(token)).toEqual(session);
      const admin = await store.updateClaims(session.id, { role: "admin", visits: 1 });
      expect(admin?.claims).toEqual({ role: "admin", visits: 1 });
      expect(await store.get(token)).toEqual(admin);
    });

    it("are judged again when somebody else was faster", async () => {
      const { store, again } = rig.open({ claims: schema });
      const { token } = await store.create({ claims: { role: "user", visits: 1 } });
      const faster = again();
      let calls = 0;
      const late = store.updateClaims(token, async () => {
        calls++;
        if (calls === 1) await faster.updateClaims(token, { visits: 0 });
        return { role: "admin" };
      });
      expect((await refusal(late)).issues[0]?.message).toBe(MESSAGE);
      expect(calls).toBe(2);
      expect((await store.get(token))?.claims).toEqual(user);
    });

    it("of all of a user's sessions are judged before the first is written", async () => {
      const { store } = rig.open({ claims: schema });
      const visitor = await store.create({ userId: "ada", claims: { role: "user", visits: 1 } });
      const stranger = await store.create({ userId: "ada", claims: user });
      await refusal(store.updateClaimsForUser("ada", { role: "admin" }));
      expect(await store.get(visitor.token)).toEqual(visitor.session);
      expect(await store.get(stranger.token)).toEqual(stranger.session);

      expect(await store.updateClaimsForUser("ada", { role: "admin", visits: 7 })).toBe(2);
      for (const { token } of [visitor, stranger]) {
        expect((await store.get(token))?.claims).toEqual({ role: "admin", visits: 7 });
      }
      expect(await store.updateClaimsForUser("nobody", { visits: 1 })).toBe(0);
    });

    it("are judged in a rotation that changes them, which otherwise does not happen", async () => {
      const { store } = rig.open({ claims: schema });
      const { token, session } = await store.create({ userId: "ada", claims: user });
      await refusal(store.rotate(token, { claims: { role: "admin" } }));
      expect(await store.listForUser("ada")).toEqual([session]);
      const { session: next } = present(await store.rotate(token, { claims: { role: "admin", visits: 1 } }));
      expect(next.claims).toEqual({ role: "admin", visits: 1 });
      expect(await store.get(token)).toBeNull();
    });

    it("are judged in the log-in of a guest", async () => {
      const { store } = rig.open({ claims: schema });
      const { token, session } = await store.create({ claims: user });
      await refusal(store.rotate(token, { userId: "ada", claims: { role: "admin" } }));
      expect(await store.get(token)).toEqual(session);
      expect(await store.listForUser("ada")).toEqual([]);
      const login = present(await store.rotate(token, { userId: "ada", claims: { visits: 3 } }));
      expect(login.session.claims).toEqual({ role: "user", visits: 3 });
    });

    it("of a session that is gone are not judged", async () => {
      const { store } = rig.open({ claims: schema });
      const { token } = await store.create({ claims: user });
      await store.revoke(token);
      expect(await store.updateClaims(token, { role: "admin" })).toBeNull();
      expect(await store.rotate(token, { claims: { role: "admin" } })).toBeNull();
    });
  });
}

async function refusal(pending: Promise<unknown>): Promise<ClaimsError> {
  const error = await pending.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ClaimsError);
  return error as ClaimsError;
}
