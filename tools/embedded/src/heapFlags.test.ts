import { expect, test } from '@jest/globals';
import { heapFlags } from './heapFlags.ts';

test('a worker gets the heap that its mailboxes at a time need', () => {
  expect(heapFlags('sync', {})).toEqual(['--max-semi-space-size=4', '--max-old-space-size=512']);
  expect(heapFlags('sync', { HOLDFAST_SLOTS: '2' })).toEqual(heapFlags('sync', {}));
  expect(heapFlags('sync', { HOLDFAST_SLOTS: 'many' })).toEqual(heapFlags('sync', {}));
  expect(heapFlags('sync', { HOLDFAST_SLOTS: '32' })).toEqual([
    '--max-semi-space-size=32',
    '--max-old-space-size=2048',
  ]);
  expect(heapFlags('api', { HOLDFAST_SLOTS: '32' })).toEqual([]);
});
