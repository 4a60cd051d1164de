/**
 * What an unchanged mailbox costs a proxy, without the source: real broker, real SQLite, real repository folder.
 * `node services/sync/src/testing/unchangedBench.ts [mailboxes] [slots] [seal threads]`
 */
import { join } from 'node:path';
import { activeRunSchema, buckets, collections, mailboxIdOf, taskIdOf } from '@holdfast/contracts';
import { memoryExchange } from '@holdfast/exchange/testing';
import { connectMessaging } from '@holdfast/messaging';
import { createRepository, openBlobStore } from '@holdfast/repository';
import { createMetrics, silentLogger, systemClock } from '@holdfast/runtime';
import { openStore } from '@holdfast/store';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  buildRun,
  buildRunTask,
  startNatsServer,
  temporaryDirectory,
  waitFor,
} from '@holdfast/testing';
import { createRepositoryHub } from '../adapters/repositoryHub.ts';
import { createSyncMetrics } from '../metrics.ts';
import { startSync } from '../service.ts';

const mailboxes = Number(process.argv[2] ?? 400);
const slots = Number(process.argv[3] ?? 64);
const passphrase = 'four random words here';
const directory = await temporaryDirectory();
const nats = await startNatsServer();
const path = join(directory.path, 'repository');
await createRepository(await openBlobStore({ kind: 'fs', path }), {
  passphrase,
  kdf: { name: 'scrypt', n: 16, r: 8, p: 1 },
});
const store = await openStore(`sqlite:${join(directory.path, 'holdfast.db')}`);
const messaging = await connectMessaging({ servers: [nats.url], prefix: 'bench', name: 'bench' });
const exchange = memoryExchange();
await store.collection(collections.organizations).insert(buildOrganization());
await store.collection(collections.repositories).insert(buildRepository({ backend: { kind: 'fs', path } }));
for (let n = 0; n < mailboxes; n++) {
  const userId = `user-${n}`;
  await store.collection(collections.mailboxes).insert(buildMailbox({ userId }));
  const mailbox = exchange.addMailbox({ userId, address: `${userId}@example.com` });
  for (let m = 0; m < 5; m++) mailbox.addMessage('inbox');
}
const service = await startSync({
  messaging: await connectMessaging({ servers: [nats.url], prefix: 'bench', name: 'proxy' }),
  store: await openStore(`sqlite:${join(directory.path, 'holdfast.db')}`),
  openConnector: () => exchange,
  repositories: createRepositoryHub({
    ...{ sealer: { open: () => passphrase }, clock: systemClock, logger: silentLogger },
    ...{ instance: 'proxy', version: 'bench', idleMs: 60_000, rotateMs: 3600_000 },
    open: { cacheDir: join(directory.path, 'cache'), threads: Number(process.argv[4] ?? 2) },
  }),
  ...{ clock: systemClock, logger: silentLogger, instance: 'proxy', version: 'bench', pool: 'default' },
  metrics: createSyncMetrics(createMetrics('sync')),
  ...{ slots, memoryBytes: 1 << 26, heartbeatMs: 5000 },
  work: {
    ...{ contentsAtOnce: 6, sliceItems: 200, foldersAhead: 3, reconcileAfterMs: 1e12, gapLimit: 1000 },
    checkpoint: { items: 5000, bytes: 1 << 30, ms: 300_000 },
  },
});
const bucket = await messaging.keyValue(buckets.runsActive, { parse: (json) => activeRunSchema.parse(json) });

async function run(runId: string): Promise<void> {
  const pointTime = new Date().toISOString();
  await store
    .collection(collections.runs)
    .insert(buildRun({ id: runId, state: 'running', concurrency: 256, pointTime }));
  const tasks = store.collection(collections.runTasks);
  const ids: string[] = [];
  for (let n = 0; n < mailboxes; n++) {
    const mailboxId = mailboxIdOf('org-1', `user-${n}`);
    ids.push(mailboxId);
    await tasks.insert(
      buildRunTask({ runId, mailboxId, position: n, mailboxAddress: `user-${n}@example.com` }),
    );
  }
  await messaging.ensureTaskConsumer({
    ...{ kind: 'sync', pool: 'default', owner: runId, maxAckPending: 256, maxDeliver: 3 },
  });
  await Promise.all(
    ids.map((mailboxId) => {
      const taskId = taskIdOf(runId, mailboxId);
      const task = {
        taskId,
        runId,
        jobId: 'job-1',
        organizationId: 'org-1',
        repositoryId: 'repo-1',
        mailboxId,
        pointTime,
      };
      return messaging.publishTask('sync', 'default', runId, task, taskId);
    }),
  );
  const cpu = process.cpuUsage();
  const started = performance.now();
  await bucket.put(runId, { runId, pool: 'default', concurrency: 256, attempts: 3, stop: false });
  await waitFor(async () => (await tasks.count({ runId, state: 'success' })) === mailboxes, {
    what: 'all mailboxes are done',
    timeoutMs: 120_000,
    everyMs: 20,
  });
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round((mailboxes / wallMs) * 1000);
  const cpuMs = (user + system) / 1000 / mailboxes;
  process.stdout.write(
    `${runId}: ${mailboxes} mailboxes, ${slots} slots: ${perSecond} mailboxes/s, ${cpuMs.toFixed(2)} ms of processor each\n`,
  );
}

await run('first');
await run('unchanged-1');
await run('unchanged-2');
await service.stop();
await messaging.close();
await store.close();
await nats.stop();
await directory.remove();
process.exit(0);
