/** A counting semaphore that serves in order of arrival; several slots can be taken at once. */
export class Slots {
  readonly size: number;
  private free: number;
  private readonly waiting: { count: number; start: () => void }[] = [];

  constructor(size: number) {
    this.size = Math.max(1, size);
    this.free = this.size;
  }

  /** Waits for `count` slots (at most all); what comes back must be called once to give them back. */
  async take(count: number, signal: AbortSignal): Promise<() => void> {
    const wanted = Math.min(Math.max(1, count), this.size);
    signal.throwIfAborted();
    if (this.waiting.length > 0 || this.free < wanted) await this.queue(wanted, signal);
    else this.free -= wanted;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.free += wanted;
      this.serve();
    };
  }

  private queue(count: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        reject(signal.reason);
        this.serve();
      };
      const entry = {
        count,
        start: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.push(entry);
    });
  }

  private serve(): void {
    for (
      let first = this.waiting[0];
      first !== undefined && first.count <= this.free;
      first = this.waiting[0]
    ) {
      this.waiting.shift();
      this.free -= first.count;
      first.start();
    }
  }
}
