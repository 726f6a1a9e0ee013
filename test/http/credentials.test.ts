/** Which of several credentials counts: what no request of a whole server shows, because another guard answers first. */
import { expect, it } from "vitest";
import { type Presented, pickCredential } from "../../src/http/credentials.js";
import { UntrustedOriginError } from "../../src/leaves/errors.js";
import { mintToken, randomBucket } from "../../src/leaves/token.js";

const tokens = Array.from({ length: 5 }, () => mintToken(randomBucket()).token);
const [first = "", second = "", third = ""] = tokens;

/** Of these tokens the sessions are live. `asked` has what was looked up. */
function presented(live: readonly string[], parts: Partial<Presented>) {
  const asked: string[] = [];
  const get: Presented["get"] = async (token) => {
    asked.push(token);
    return live.includes(token)
      ? ({ session: { id: token.slice(0, 26) } } as Awaited<ReturnType<Presented["get"]>>)
      : null;
  };
  return { asked, ...{ cookies: [], bearer: undefined, isAllowed: () => true, get, ...parts } };
}

it.each([
  ["live", [first, second]],
  ["dead", []],
])(
  "another site's request with two cookies is refused before anything is looked up, also if they are %s",
  async (_, live) => {
    const forged = presented(live, { cookies: [first, second], isAllowed: () => false });
    await expect(pickCredential(forged)).rejects.toBeInstanceOf(UntrustedOriginError);
    expect(forged.asked).toEqual([]);
  },
);

it("cookies of two live sessions are all taken back, unless one with the same name may be another application's", async () => {
  expect(await pickCredential(presented([first, second], { cookies: [first, second] }))).toEqual({
    ...{ token: null, transport: "cookie", inCookie: true },
    ...{ rivals: [first, second], crowded: true },
  });
  expect(await pickCredential(presented([first, second], { cookies: [first, third, second] }))).toMatchObject({
    ...{ token: null, rivals: [first, second], crowded: false },
  });
  expect(await pickCredential(presented([first, second], { cookies: tokens }))).toMatchObject({ crowded: true });
});
