import type { KeyValue, Lease, Messaging } from '@holdfast/messaging';
import type { Collection, Document, Store } from '@holdfast/store';

/** The process is dead: every call after the crash point fails as this. */
export class Crashed extends Error {
  constructor(call: string) {
    super(`crashed at ${call}`);
    this.name = 'Crashed';
  }
}

export interface CrashPlan {
  /** Dies at this call, counted from 1 over store and broker together. */
  atCall: number;
  /** `before`: the call has no effect. `after`: it has, and its caller never learns. */
  when: 'before' | 'after';
}

export interface CrashingPorts {
  store: Store;
  messaging: Messaging;
  readonly calls: number;
  readonly crashedAt: string | undefined;
  /** What happens to leases of a dead process when their time is over. */
  expireLeases(): Promise<void>;
}

/** Wraps the ports of one process so that it dies at a chosen call. */
export function crashing(ports: { store: Store; messaging: Messaging }, plan: CrashPlan): CrashingPorts {
  let calls = 0;
  let crashedAt: string | undefined;
  const leases: Lease[] = [];

  async function through<T>(call: string, effect: () => Promise<T>): Promise<T> {
    if (crashedAt !== undefined) throw new Crashed(crashedAt);
    calls += 1;
    const isLast = calls === plan.atCall;
    if (isLast && plan.when === 'before') {
      crashedAt = call;
      throw new Crashed(call);
    }
    // A call that is refused is a call as well: its caller never learns of that either.
    const result = await effect().catch((error: unknown) => {
      if (!isLast) throw error;
      crashedAt = call;
      throw new Crashed(call);
    });
    if (isLast) crashedAt = call;
    if (crashedAt !== undefined) throw new Crashed(crashedAt);
    return result;
  }

  function wrap<T extends object>(
    target: T,
    name: string,
    adapt: (key: string, value: unknown) => unknown = (_key, value) => value,
  ): T {
    return new Proxy(target, {
      get(object, key) {
        const value: unknown = Reflect.get(object, key, object);
        if (typeof value !== 'function' || typeof key !== 'string') return value;
        if (key === 'onBrokerEmptied') return value.bind(object);
        const effect = async (args: unknown[]): Promise<unknown> =>
          adapt(key, await value.apply(object, args));
        return (...args: unknown[]) => through(`${name}.${key}`, () => effect(args));
      },
    });
  }

  const messaging = wrap(ports.messaging, 'messaging', (key, value) => {
    if (key === 'keyValue') return wrap(value as KeyValue<unknown>, 'keyValue');
    // Noted although the caller may never learn of it: the broker counts it as held.
    if (key === 'acquireLease' && value !== undefined) leases.push(value as Lease);
    return value;
  });
  return {
    store: {
      kind: ports.store.kind,
      collection: <T extends Document>(declaration: Parameters<Store['collection']>[0]) =>
        wrap(ports.store.collection(declaration), declaration.name) as unknown as Collection<T>,
      ping: () => ports.store.ping(),
      close: () => ports.store.close(),
    } as Store,
    messaging,
    get calls() {
      return calls;
    },
    get crashedAt() {
      return crashedAt;
    },
    async expireLeases() {
      for (const lease of leases) await lease.release();
    },
  };
}
