import { describe, expect, test } from '@jest/globals';
import type { GraphMessage } from './graphMessage.ts';
import { contentKeyOf, itemUpsertOf } from './itemFacts.ts';

const person = (address: string, name = '') => ({ emailAddress: { name, address } });
const message: GraphMessage = {
  '@odata.type': '#microsoft.graph.message',
  '@odata.etag': 'W/"1"',
  id: 'AAk-1',
  changeKey: 'ck1',
  parentFolderId: 'inbox',
  createdDateTime: '2026-01-01T00:00:00Z',
  lastModifiedDateTime: '2026-01-02T00:00:00Z',
  receivedDateTime: '2026-01-01T10:00:00Z',
  sentDateTime: '2026-01-01T09:59:00Z',
  subject: 'Plan',
  isRead: false,
  isDraft: false,
  hasAttachments: true,
  categories: [],
  importance: 'normal',
  flag: { flagStatus: 'notFlagged' },
  inferenceClassification: 'focused',
  from: person('bo@example.com', 'Bo'),
  toRecipients: [person('ann@example.com')],
  body: { contentType: 'html', content: '<p>hi</p>' },
};
const key = (change: Partial<GraphMessage>) => contentKeyOf({ ...message, ...change } as GraphMessage);

describe('the content key', () => {
  test.each<[string, Partial<GraphMessage>]>([
    ['the read flag', { isRead: true }],
    ['a flag', { flag: { flagStatus: 'flagged' } }],
    ['categories', { categories: ['Blue'] }],
    ['importance', { importance: 'high' }],
    ['the inbox it is sorted into', { inferenceClassification: 'other' }],
    [
      'the housekeeping that comes with them',
      { changeKey: 'ck2', lastModifiedDateTime: '2026-02-01T00:00:00Z' },
    ],
    ['a move to another folder', { parentFolderId: 'archive' }],
    ['annotations of the protocol', { '@odata.etag': 'W/"2"', 'calendar@odata.associationLink': 'x' }],
  ])('is not moved by %s: no MIME is fetched again', (_, change) => {
    expect(key(change)).toBe(key({}));
  });

  test.each<[string, Partial<GraphMessage>]>([
    ['the subject', { subject: 'Plan B' }],
    ['the body', { body: { contentType: 'html', content: '<p>ho</p>' } }],
    ['a recipient', { toRecipients: [person('eve@example.com')] }],
    ['the sender', { from: person('bo@example.com', 'Bob') }],
    ['attachments that come or go', { hasAttachments: false }],
    ['times', { receivedDateTime: '2026-01-01T10:00:01Z' }],
  ])('is moved by %s', (_, change) => {
    expect(key(change)).not.toBe(key({}));
  });

  test('does not depend on the order of keys in the answer', () => {
    const { subject, body, ...rest } = message;
    const reordered = {
      body: { content: '<p>hi</p>', contentType: 'HTML' },
      ...rest,
      subject,
    } as GraphMessage;
    expect(body).toBeDefined();
    expect(contentKeyOf(reordered)).toBe(key({}));
  });

  test('of a draft follows the change key, since its attachments leave no other trace', () => {
    expect(key({ isDraft: true, changeKey: 'ck2' })).not.toBe(key({ isDraft: true }));
  });

  test('of a listing without bodies does so too, or an edited body would be missed', () => {
    const { body: _, ...lean } = message;
    expect(contentKeyOf({ ...lean, changeKey: 'ck2' } as GraphMessage)).not.toBe(
      contentKeyOf(lean as GraphMessage),
    );
  });
});

describe('a listed item', () => {
  test('has its state apart from its properties, and nothing of the protocol in them', () => {
    const item = itemUpsertOf(message);
    expect(Object.keys(item.state).sort()).toEqual([
      'categories',
      'flag',
      'importance',
      'inferenceClassification',
      'isRead',
    ]);
    for (const name of [
      'isRead',
      'flag',
      'id',
      'changeKey',
      'parentFolderId',
      '@odata.etag',
      '@odata.type',
    ]) {
      expect(item.properties).not.toHaveProperty([name]);
    }
    expect(item.summary).toEqual({ subject: 'Plan', from: 'bo@example.com', hasAttachments: true });
  });

  test('keeps what kind of message it is when it is not a plain one', () => {
    const item = itemUpsertOf({ ...message, '@odata.type': '#microsoft.graph.eventMessageRequest' });
    expect(item.properties['@odata.type']).toBe('#microsoft.graph.eventMessageRequest');
  });

  test.each([
    [{}, Date.UTC(2026, 0, 1, 10)],
    [{ receivedDateTime: null }, Date.UTC(2026, 0, 1, 9, 59)],
    [{ receivedDateTime: null, sentDateTime: 'never' }, Date.UTC(2026, 0, 1)],
    [{ receivedDateTime: null, sentDateTime: null, createdDateTime: null }, 0],
  ])('is placed in time by received, else sent, else created time (%#)', (change, time) => {
    expect(itemUpsertOf({ ...message, ...change } as GraphMessage).time).toBe(time);
  });

  test('without subject and sender is a valid item all the same', () => {
    const item = itemUpsertOf({ id: 'x', subject: null, from: null });
    expect(item.summary).toEqual({ subject: '', from: '', hasAttachments: false });
  });
});
