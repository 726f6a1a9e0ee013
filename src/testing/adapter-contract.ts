/** The contract of an adapter: named cases, free of any test runner. Knows the cases by their subjects alone. */
import type { AdapterSubject } from "./adapter-subject.js";
import { answerCases } from "./cases/answers.js";
import { cookieCases } from "./cases/cookies.js";
import { errorCases } from "./cases/errors.js";
import { manyAtOnceCases } from "./cases/many-at-once.js";
import { raceCases } from "./cases/races.js";
import { requestCases } from "./cases/requests.js";
import { Stage } from "./stage.js";

/** What a case does on its stage; the name says what must be true. */
export type Cases = Readonly<Record<string, (stage: Stage) => Promise<void>>>;

/** One thing that every adapter must keep. */
export interface ContractCase {
  /** What is true of an adapter that keeps it. Unique. */
  readonly name: string;
  /** Rejects with an error that says in plain words what is wrong. */
  readonly run: () => Promise<void>;
}

/**
 * What every adapter must keep, as cases for any test runner. Cases are independent of each other, may run at once and in any
 * order, and stop the servers that they start. Redis needs no preparation.
 * @example for (const { name, run } of adapterContract({ redis: new RedisMock(), start })) test(name, run);
 */
export function adapterContract(subject: AdapterSubject): ContractCase[] {
  if (typeof subject?.start !== "function") throw new TypeError("adapterContract needs { redis, start }");
  const all: Cases = {
    ...cookieCases,
    ...answerCases,
    ...errorCases,
    ...requestCases,
    ...raceCases,
    ...manyAtOnceCases,
  };
  return Object.entries(all).map(([name, act]) => ({
    name,
    run: async () => {
      const stage = new Stage(subject);
      try {
        await act(stage);
      } finally {
        await stage.close();
      }
    },
  }));
}
