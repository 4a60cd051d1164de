// A process of its own for the messaging tests: takes tasks, a lease or an outbox row, reports in log lines, and waits
// to be killed.

import { collections } from '@holdfast/contracts';
import { connectMessaging, createGate, createOutbox } from '@holdfast/messaging';
import { openStore } from '@holdfast/store';
import { buildEvent } from '@holdfast/testing';

const { WORKER_NATS = '', WORKER_DO = '', WORKER_STORE = '', WORKER_DELIVER = '3' } = process.env;
const say = (line: object) => process.stderr.write(`${JSON.stringify(line)}\n`);
const never = new Promise<never>(() => undefined);
setInterval(() => undefined, 1000);

const messaging = await connectMessaging({
  servers: [WORKER_NATS],
  prefix: 'faults',
  name: 'child',
  ackWaitMs: 2_000,
  leaseTtlMs: 6_000,
  slotTtlMs: 6_000,
});

const jobs: Record<string, () => Promise<void>> = {
  async hang() {
    await messaging.consumeTasks({
      kind: 'sync',
      pool: 'default',
      owner: 'run-1',
      maxAckPending: 3,
      maxDeliver: Number(WORKER_DELIVER),
      gate: createGate(1),
      parse: (json) => json,
      handle: async (_task, { attempt }) => {
        say({ taken: attempt });
        return await never;
      },
      onParked: async () => undefined,
    });
  },
  async lease() {
    const lease = await messaging.acquireLease('mailbox', 'child');
    lease?.lost.addEventListener('abort', () => {
      say({ lost: true });
      void lease.release();
    });
    say({ held: lease !== undefined });
  },
  async slots() {
    const slots = await messaging.acquireSlots('box', {
      owner: 'child',
      lane: 'normal',
      want: 3,
      capacity: 4,
      reserved: 0,
    });
    say({ slots: slots?.slots });
  },
  async outbox() {
    const store = await openStore(WORKER_STORE);
    const outbox = createOutbox({
      rows: store.collection(collections.events),
      publish: () => never,
      source: 'child',
      now: () => Date.now(),
    });
    outbox.start();
    const data = { proxyId: 'p', pool: 'default', version: '1' };
    await outbox.add(buildEvent('proxy.online', data, 'a'), buildEvent('proxy.online', data, 'b'));
    say({ added: 2 });
  },
};

await jobs[WORKER_DO]?.();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
