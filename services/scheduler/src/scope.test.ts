import { collections, jobOptionsSchema, noExclusions, type Run } from '@holdfast/contracts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createWorld, isOver, type World } from './testing/world.ts';

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

async function runNow(id: string, given: Partial<Run> = {}): Promise<Run> {
  await world.requestRun({ id, ...given });
  await world.until(`${id} has ended`, async () => isOver(await world.run(id)));
  return world.run(id);
}
const addresses = async (runId: string) =>
  (await world.tasks(runId)).map((task) => task.mailboxAddress.split('@')[0]);

test('a run says who joined and who left since the last one, with the reason, whoever was tried alone meanwhile', async () => {
  const job = await world.addJob();
  const [first, second] = await world.addMailboxes(3);
  await world.proxy();
  await world.scheduler();
  expect((await runNow('run-1')).scope).toBeUndefined();
  await runNow('run-2', { onlyMailboxes: [first?.id ?? ''] });
  const mailboxes = world.store.collection(collections.mailboxes);
  const gone = await mailboxes.get(first?.id ?? '');
  await mailboxes.replace({ ...gone!.doc, status: 'gone' }, gone!.version);
  await mailboxes.insert({ ...gone!.doc, id: 'mbx-new', userId: 'new', address: 'new@contoso.example' });
  const jobs = world.store.collection(collections.jobs);
  const exclude = { ...noExclusions, mailboxes: [second?.address ?? ''] };
  const stored = await jobs.get(job.id);
  await jobs.replace({ ...stored!.doc, exclude }, stored!.version);
  const third = await runNow('run-3');
  expect(third.scope).toEqual({
    sinceRunId: 'run-1',
    joined: { count: 1, mailboxes: [{ mailboxId: 'mbx-new', address: 'new@contoso.example' }] },
    left: {
      count: 2,
      mailboxes: [
        { mailboxId: first?.id, address: first?.address, reason: 'gone' },
        { mailboxId: second?.id, address: second?.address, reason: 'excluded-mailbox' },
      ],
    },
  });
});

test('mailboxes go to their repositories, and the global exclusions count too', async () => {
  const [first, second, third] = await world.addMailboxes(3);
  const address = (mailbox: typeof first) => mailbox?.address ?? '';
  await world.addJob({
    exclude: { ...noExclusions, folders: [{ kind: 'well-known', name: 'deleteditems' }] },
    destinations: [{ repositoryId: 'repo-2', match: [{ kind: 'mailbox', address: address(second) }] }],
    retention: { keepLast: 5, itemAge: { years: 1, by: 'received' }, timeZone: 'UTC', weekStartsOn: 1 },
    options: jobOptionsSchema.parse({ includeRecoverable: true }),
  });
  const global = {
    ...noExclusions,
    mailboxes: [address(third)],
    folders: [{ kind: 'path' as const, path: '/Inbox/News' }],
  };
  await world.store.collection(collections.settings).insert({ id: 'global', exclude: global });
  await world.proxy();
  await world.scheduler();
  const run = await runNow('run-1');
  expect(run).toMatchObject({
    repositoryIds: ['repo-1', 'repo-2'],
    excludeFolders: [
      { kind: 'well-known', name: 'deleteditems' },
      { kind: 'path', path: '/Inbox/News' },
    ],
    olderThan: { before: '2025-11-22T00:00:00.000Z', by: 'received' },
    includeRecoverable: true,
  });
  expect(await addresses('run-1')).toEqual([address(first), address(second)].map((a) => a.split('@')[0]));
  expect((await world.tasks('run-1')).map(({ repositoryId }) => repositoryId)).toEqual(['repo-1', 'repo-2']);
});

test.each([
  ['the shortest age of the job and of all jobs', { years: 1, by: 'received' }, { days: 30, by: 'received' }],
  ['the age of all jobs alone', undefined, { days: 30, by: 'received' }],
] as const)('%s says which items a run leaves out', async (_what, ofJob, ofAll) => {
  await world.addMailboxes(1);
  const years = { years: 2, by: 'received' } as const;
  await world.addJob({
    ...(ofJob === undefined ? {} : { exclude: { ...noExclusions, itemAge: ofJob } }),
    retention: { keepLast: 5, ...(ofJob && { itemAge: years }), timeZone: 'UTC', weekStartsOn: 1 },
  });
  const exclude = { ...noExclusions, itemAge: ofAll };
  await world.store.collection(collections.settings).insert({ id: 'global', exclude });
  await world.proxy();
  await world.scheduler();
  const { olderThan } = await runNow('run-1');
  expect(olderThan).toEqual({ before: '2026-10-23T00:00:00.000Z', by: 'received' });
});

test('an age of all jobs by another time than the job goes by is left to the job', async () => {
  await world.addMailboxes(1);
  const itemAge = { years: 1, by: 'modified' } as const;
  await world.addJob({ exclude: { ...noExclusions, itemAge } });
  const exclude = { ...noExclusions, itemAge: { days: 30, by: 'received' as const } };
  await world.store.collection(collections.settings).insert({ id: 'global', exclude });
  await world.proxy();
  await world.scheduler();
  const { olderThan } = await runNow('run-1');
  expect(olderThan).toEqual({ before: '2025-11-22T00:00:00.000Z', by: 'modified' });
});
