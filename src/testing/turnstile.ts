/** Where calls wait until a case lets them go on: so a race is forced, and not hoped for. Knows no session. */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  readonly #watching: { count: number; resolve: () => void }[] = [];

  /** A call stands here until it is let through. */
  stand(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      for (const { count, resolve: reached } of this.#watching) if (this.#waiting.length >= count) reached();
    });
  }

  /** Resolves when so many calls stand here. Rejects if one of the requests is answered before. */
  reached(count: number, requests: readonly Promise<{ readonly request: string }>[]): Promise<void> {
    const standing = new Promise<void>((resolve) => {
      if (this.#waiting.length >= count) resolve();
      else this.#watching.push({ count, resolve });
    });
    const early = requests.map(async (answer) => {
      const { request } = await answer;
      throw new Error(`${request} was answered before the store had answered: does the adapter await the session?`);
    });
    return Promise.race([standing, ...early]);
  }

  /** Lets all through, the last that came first: so no answer is the right one by its place in a row. */
  open(): void {
    for (const go of this.#waiting.splice(0).reverse()) go();
  }
}
