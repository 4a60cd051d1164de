import { expect, test } from '@jest/globals';
import {
  buildEvent,
  buildJob,
  buildMailbox,
  buildRestoreSession,
  buildRun,
  buildRunTask,
} from './builders.ts';

test('builders make valid documents around what is given', () => {
  expect(buildJob({ name: 'Nightly' })).toMatchObject({ name: 'Nightly', options: { concurrency: 3 } });
  expect(buildMailbox({ userId: 'u2' }).id).toBe(buildMailbox({ userId: 'u2' }).id);
  expect(buildMailbox({ userId: 'u2' }).id).not.toBe(buildMailbox().id);
  expect(buildRun({ state: 'running' }).state).toBe('running');
  expect(buildRunTask({ runId: 'r', mailboxId: 'm' }).id).toBe('r.m');
  expect(buildRestoreSession().input.onConflict).toBe('skip');
  const data = { proxyId: 'p', pool: 'default', version: '1' };
  expect(buildEvent('proxy.online', data).id).toBe(buildEvent('proxy.online', data).id);
});

test('a document that the schema refuses is refused by its builder', () => {
  expect(() => buildJob({ sources: [] })).toThrow(/source/);
});
