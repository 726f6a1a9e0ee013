/** When which acknowledged writes may be lost: a failover undoes what no replica has. It knows nothing of sessions. */
import type { Span } from "./user.js";

/** What an acknowledged call did that a failover may undo. */
export type Loss = "create" | "update" | "rotation" | "unblock" | "revocation";

/** All that `replicas` does not wait for. */
export const UNCONFIRMED: readonly Loss[] = ["create", "update", "rotation", "unblock"];

/** An interval whose acknowledged writes may be gone without a broken promise. */
export interface LossWindow {
  /** What is acknowledged by a call that begins from now on has to stay. */
  close(): void;
}

export class LossWindows {
  readonly #windows: { readonly kinds: readonly Loss[]; readonly from: number; to: number }[] = [];

  /**
   * What is acknowledged after `from` may be lost until the window is closed; before, it was seen on every replica.
   * `from` is by `performance.now()`.
   */
  open(kinds: readonly Loss[], from = performance.now()): LossWindow {
    const window = { kinds, from, to: Number.POSITIVE_INFINITY };
    this.#windows.push(window);
    return {
      close: () => {
        window.to = performance.now();
      },
    };
  }

  /** Whether what a call did may be gone. */
  cover(kind: Loss, { begun, ended }: Span): boolean {
    return this.#windows.some(({ kinds, from, to }) => kinds.includes(kind) && ended > from && begun < to);
  }
}
