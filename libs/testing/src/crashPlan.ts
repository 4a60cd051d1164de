/** A process that dies before or after its n-th call of a port; nothing it tries afterwards has an effect. */
export class CrashPlan {
  readonly calls: string[] = [];
  private readonly at: number;
  private readonly when: 'before' | 'after';
  dead = false;

  constructor(at: number, when: 'before' | 'after') {
    this.at = at;
    this.when = when;
  }

  /** Wraps every method of a port, and of ports that its methods give back. */
  watch<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get: (target, property) => {
        const value = Reflect.get(target, property, target) as unknown;
        if (typeof value !== 'function' || typeof property === 'symbol') return value;
        return (...args: unknown[]) => this.call(`${name}.${property}`, () => value.apply(target, args));
      },
    });
  }

  private call(what: string, work: () => unknown): unknown {
    if (this.dead) throw new Crash();
    this.calls.push(what);
    const mine = this.calls.length === this.at;
    if (mine && this.when === 'before') this.die();
    const result = work();
    if (result instanceof Promise) {
      return result.then((value: unknown) => {
        if (this.dead) throw new Crash();
        if (mine) this.die();
        return isPort(value) ? this.watch(what, value) : value;
      });
    }
    if (isIterable(result)) return this.iterate(what, result, mine);
    if (mine) this.die();
    return result;
  }

  private async *iterate(
    what: string,
    source: AsyncIterable<unknown>,
    dieFirst: boolean,
  ): AsyncIterable<unknown> {
    if (dieFirst) this.die();
    for await (const value of source) {
      this.call(`${what}.next`, () => undefined);
      yield value;
    }
  }

  private die(): never {
    this.dead = true;
    throw new Crash();
  }
}

/** The process is gone. Not an error that the code under test may understand. */
export class Crash extends Error {
  constructor() {
    super('crash');
  }
}

const isPort = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.values(value).some((v) => typeof v === 'function');

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
