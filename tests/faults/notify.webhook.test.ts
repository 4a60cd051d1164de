import { randomBytes } from 'node:crypto';
import { collections, makeEvent } from '@holdfast/contracts';
import { connectMessaging } from '@holdfast/messaging';
import { loadSealer, openStore } from '@holdfast/store';
import { startNatsServer, startProcess, temporaryDirectory, waitFor } from '@holdfast/testing';
import { afterEach, expect, jest, test } from '@jest/globals';
import { secretText } from '../../services/notify/src/domain/signature.ts';
import { startHookReceiver } from '../../services/notify/src/testing/hookReceiver.ts';

jest.setTimeout(300_000);

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('P4: notify killed after the receiver took a delivery and before it was noted: at most one repeat, same id', async () => {
  const directory = temporaryDirectory('notify');
  closers.push(() => directory.remove());
  const nats = await startNatsServer();
  closers.push(() => nats.stop());
  const storeUrl = `sqlite:${directory.at('holdfast.db')}`;
  const keyFile = directory.at('secret.key');
  const sealer = await loadSealer({ keyFile, createIfMissing: true });
  const store = await openStore(storeUrl);
  closers.push(() => store.close());
  const receiver = await startHookReceiver();
  closers.push(() => receiver.stop());
  const at = new Date(Date.now() - 60_000).toISOString();
  await store.collection(collections.webhooks).insert({
    ...{ id: 'hook-1', name: 'Hook', url: receiver.url, events: ['job.*'], enabled: true },
    sealedSecret: sealer.seal(secretText(randomBytes(32)), 'webhook:hook-1'),
    ...{ createdAt: at, eventsFrom: at },
  });
  const start = async () => {
    const running = await startProcess(
      'services/notify/src/main.ts',
      {
        ...{ HOLDFAST_NATS_URL: nats.url, HOLDFAST_STORE: storeUrl, HOLDFAST_SECRET_KEY_FILE: keyFile },
        HOLDFAST_WEBHOOK_LIMIT_MS: '10000',
      },
      { execArgs: ['--disable-warning=ExperimentalWarning'], readyTimeoutMs: 120_000 },
    );
    closers.push(() => running.kill());
    return running;
  };
  const first = await start();
  // It takes the event and never answers: whatever notify writes about this try, it has not written it yet.
  receiver.answer = () => undefined;
  const messaging = await connectMessaging({ servers: [nats.url], prefix: 'holdfast', name: 'faults' });
  closers.push(() => messaging.close());
  const event = makeEvent('job.changed', {
    ...{ source: 'test', subject: 'job-1', key: 'job-1', time: new Date().toISOString() },
    data: { jobId: 'job-1', organizationId: 'org-1', change: 'added' },
  });
  await messaging.publishEvent(event);
  await waitFor(() => receiver.received.length === 1, { what: 'the event has come', timeoutMs: 120_000 });
  await first.kill('SIGKILL');
  receiver.answer = (_hook, response) => response.writeHead(204).end();
  await start();
  const delivery = async () =>
    (await store.collection(collections.webhookDeliveries).get(`hook-1.${event.id}`))?.doc;
  await waitFor(async () => (await delivery())?.state === 'delivered', {
    what: 'it is delivered',
    timeoutMs: 120_000,
  });
  expect(receiver.received.map(({ id }) => id)).toEqual([event.id, event.id]);
  expect(await delivery()).toMatchObject({ tries: 2, state: 'delivered' });
});
