import { buildRun } from '@holdfast/testing';
import { expect, test } from '@jest/globals';
import { taskOf } from './taskOf.ts';

test('what cannot be backed up is a failed task from the start, anything else is queued', () => {
  const run = buildRun();
  const error = { code: 'mailbox-unknown', errorClass: 'permanent-mailbox' as const, message: 'not there' };
  const now = '2026-11-22T02:10:00.000Z';
  const good = { mailboxId: 'mbx-1', mailboxAddress: 'a@b.example', repositoryId: 'repo-2', source: 0 };
  expect(taskOf(run, good, 4, now)).toMatchObject({
    id: 'run-1.mbx-1',
    state: 'queued',
    repositoryId: 'repo-2',
    position: 4,
    attempts: 0,
  });
  const bad = { mailboxId: 'mbx-2', mailboxAddress: 'x', repositoryId: 'repo-1', error };
  expect(taskOf(run, bad, 0, now)).toMatchObject({ state: 'failed', finishedAt: now, error });
});
