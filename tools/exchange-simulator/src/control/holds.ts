/** Requests that the fault plan keeps waiting until they are let go: for tests that need several at once. */
export class Holds {
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#waiting.length;
  }

  /** Resolves when the requests are let go. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Lets all waiting requests go on; returns how many. */
  release(): number {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
    return waiting.length;
  }
}
