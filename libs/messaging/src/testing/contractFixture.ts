import { makeEvent } from '@holdfast/contracts';
import { createGate } from '../gate.ts';
import type { Messaging, TaskConsumerOptions, Verdict } from '../ports.ts';
import { jestGlobals } from './jestGlobals.ts';

/** A broker for one test; each `connect` acts as another process. */
export interface ContractBroker {
  connect(name?: string): Promise<Messaging>;
  /** Ends the broker and all connections. */
  stop(): Promise<void>;
}

/**
 * Times that a broker under the contract must be set to: short, so that the suite need not wait, and yet so long that a
 * machine with much other work renews in time.
 */
export const contractTimes = { ackWaitMs: 5_000, leaseTtlMs: 5_000, slotTtlMs: 5_000 } as const;

/** Passes the times above, with all that was renewed within them. */
export const outlastTimes = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 1.4 * contractTimes.leaseTtlMs);
  });

/** Ends what hangs, and decides nothing. */
const hangsAfterMs = 50_000;

export type OpenBroker = () => Promise<ContractBroker>;

/** Opens a broker for each test of the surrounding `describe`. */
export function eachBroker(open: OpenBroker): { connect(name?: string): Promise<Messaging> } {
  const { beforeEach, afterEach } = jestGlobals();
  let broker: ContractBroker | undefined;
  beforeEach(async () => {
    broker = await open();
  });
  afterEach(async () => {
    await broker?.stop();
    broker = undefined;
  });
  return {
    connect(name) {
      if (broker === undefined) throw new Error('the broker is opened before each test');
      return broker.connect(name);
    },
  };
}

export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + hangsAfterMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise that the test resolves. */
export function door(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export interface Numbered {
  n: number;
}

export const parseNumbered = (json: unknown): Numbered => {
  const n = (json as Partial<Numbered> | null)?.n;
  if (typeof n !== 'number') throw new Error('n must be a number');
  return { n };
};

export type TaskOptions = TaskConsumerOptions<Numbered>;

/** Options of a consumer of run-1; the test says what it is about. */
export const taskOptions = (given: Partial<TaskOptions> = {}): TaskOptions => ({
  kind: 'sync',
  pool: 'default',
  owner: 'run-1',
  maxAckPending: 100,
  maxDeliver: 3,
  gate: createGate(10),
  parse: parseNumbered,
  handle: async (): Promise<Verdict> => ({ kind: 'done' }),
  onParked: async () => undefined,
  retryAfterMs: [20],
  ...given,
});

export const publishNumbers = async (messaging: Messaging, count: number, owner = 'run-1'): Promise<void> => {
  for (let n = 0; n < count; n += 1) {
    await messaging.publishTask('sync', 'default', owner, { n }, `${owner}.${n}`);
  }
};

export const proxyOnline = (key: string) =>
  makeEvent('proxy.online', {
    source: 'contract',
    subject: 'proxy-1',
    key,
    time: '2026-01-01T00:00:00.000Z',
    data: { proxyId: 'proxy-1', pool: 'default', version: key },
  });
