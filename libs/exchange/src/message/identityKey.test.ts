import { expect, test } from '@jest/globals';
import type { RestorableItem } from '../ports.ts';
import { identityKeyOf, identityKeyOfItem } from './identityKey.ts';

const properties = {
  internetMessageId: '<a@b>',
  subject: 'Re:  Plan ',
  sentDateTime: '2026-01-01T10:00:00Z',
  from: { emailAddress: { name: 'Bo', address: 'Bo@Example.com' } },
};
const key = (change: object) => identityKeyOf({ ...properties, ...change });

test.each([
  ['white space of the subject', { subject: 'Re: Plan' }],
  ['parts of a second, which a restore cannot set', { sentDateTime: '2026-01-01T10:00:00.512Z' }],
  ["case and name of the sender's address", { from: { emailAddress: { address: 'bo@example.com' } } }],
  ['ids, folder and state', { id: 'x', parentFolderId: 'y', isRead: true }],
])('%s make no other message', (_, change) => {
  expect(key(change)).toBe(key({}));
});

test.each([
  ['another internet message id', { internetMessageId: '<c@d>' }],
  ['another subject', { subject: 'Re: Plan B' }],
  ['another time', { sentDateTime: '2026-01-01T10:00:01Z' }],
  ['another sender', { from: { emailAddress: { address: 'eve@example.com' } } }],
])('%s is another message', (_, change) => {
  expect(key(change)).not.toBe(key({}));
});

test('values cannot run into each other', () => {
  expect(identityKeyOf({ internetMessageId: 'a', subject: 'b' })).not.toBe(
    identityKeyOf({ internetMessageId: 'a","b', subject: '' }),
  );
});

test('a renamed copy is another message than its original', () => {
  const item: RestorableItem = { properties, state: {}, attachments: [] };
  expect(identityKeyOfItem(item)).toBe(key({}));
  expect(identityKeyOfItem({ ...item, subject: 'Plan (restored)' })).toBe(
    key({ subject: 'Plan (restored)' }),
  );
});
