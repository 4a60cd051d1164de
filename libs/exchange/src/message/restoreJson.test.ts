import type { JsonObject } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import {
  creatingMessage,
  extendedPropertyOf,
  isPlainNestedMessage,
  markerPropertyId,
  markerValue,
  type NotRestored,
  nestedMessageAttachment,
  parseMarker,
} from './restoreJson.ts';

const person = (address: string, name = '') => ({ emailAddress: { name, address } });
const properties: JsonObject = {
  subject: 'Plan',
  body: { contentType: 'html', content: '<p>hi</p>' },
  from: person('bo@example.com', 'Bo'),
  toRecipients: [person('ann@example.com')],
  sentDateTime: '2025-03-01T09:30:00Z',
  receivedDateTime: '2025-03-01T09:30:07Z',
  internetMessageId: '<a@b>',
  isRead: false,
  isDraft: false,
  conversationId: 'c',
  createdDateTime: '2025-03-01T09:30:07Z',
  hasAttachments: true,
  flag: { flagStatus: 'notFlagged' },
};

function create(change: JsonObject = {}, careful = false) {
  const notRestored: NotRestored[] = [];
  const message = creatingMessage({ ...properties, ...change }, 's1/k1', true, { careful, notRestored });
  return { message, notRestored };
}

describe('the creating request', () => {
  test('makes it no draft and gives it its times, all in the same request', () => {
    expect(create().message.singleValueExtendedProperties).toEqual([
      { id: 'Integer 0x0E07', value: '4' },
      { id: 'SystemTime 0x0039', value: '2025-03-01T09:30:00.000Z' },
      { id: 'SystemTime 0x0E06', value: '2025-03-01T09:30:07.000Z' },
      { id: markerPropertyId, value: 's1/k1' },
    ]);
  });

  test('carries nothing that Graph does not let one set', () => {
    const names = Object.keys(create().message);
    for (const name of [
      'conversationId',
      'createdDateTime',
      'hasAttachments',
      'isDraft',
      'receivedDateTime',
      'sentDateTime',
    ]) {
      expect(names).not.toContain(name);
    }
  });

  test('a draft stays one: it gets no flags of a sent message', () => {
    const flags = extendedPropertyOf(create({ isDraft: true }).message, 'integer 0x0e07');
    expect(flags).toBeUndefined();
  });

  test('P6: a meeting request comes back as a plain message, and that is noted', () => {
    const { message, notRestored } = create({ '@odata.type': '#microsoft.graph.eventMessageRequest' });
    expect(message['@odata.type']).toBeUndefined();
    expect(notRestored.map((n) => n.what)).toEqual(['kind of item (eventMessageRequest)']);
  });

  test('a due date comes with a start date, which Graph demands', () => {
    const dueDateTime = { dateTime: '2026-02-01T00:00:00', timeZone: 'UTC' };
    expect(create({ flag: { flagStatus: 'flagged', dueDateTime } }).message.flag).toEqual({
      flagStatus: 'flagged',
      startDateTime: dueDateTime,
      dueDateTime,
    });
  });

  test('at most five headers, and only such that begin with x-', () => {
    const internetMessageHeaders = ['Received', 'x-a', 'X-B', 'x-c', 'x-d', 'x-e', 'x-f', 'x:bad'].map(
      (name) => ({
        name,
        value: 'v',
      }),
    );
    const { internetMessageHeaders: sent } = create({ internetMessageHeaders }).message;
    expect((sent as { name: string }[]).map((h) => h.name)).toEqual(['x-a', 'X-B', 'x-c', 'x-d', 'x-e']);
  });

  test('people without a valid address are dared first, and left out with a note when that was refused', () => {
    const toRecipients = [person('ann@example.com'), person('', 'undisclosed'), person('not an address')];
    expect(create({ toRecipients }).message.toRecipients).toHaveLength(3);
    const { message, notRestored } = create({ toRecipients }, true);
    expect(message.toRecipients).toEqual([{ emailAddress: { address: 'ann@example.com' } }]);
    expect(notRestored.map((n) => n.what)).toEqual([
      'toRecipients: undisclosed',
      'toRecipients: not an address',
    ]);
  });
});

describe('nested messages', () => {
  test('are made of their properties, without what a nested message must not have', () => {
    const attachment = nestedMessageAttachment('', {
      ...properties,
      internetMessageHeaders: [{ name: 'x-a', value: 'b' }],
    });
    expect(attachment).toMatchObject({
      name: 'Plan',
      item: { '@odata.type': '#microsoft.graph.message', subject: 'Plan' },
    });
    for (const name of ['isDraft', 'hasAttachments', 'internetMessageHeaders', 'parentFolderId']) {
      expect(attachment.item).not.toHaveProperty([name]);
    }
  });

  test('only when they are plain messages without attachments', () => {
    expect(isPlainNestedMessage({ ...properties, hasAttachments: false })).toBe(true);
    expect(isPlainNestedMessage(properties)).toBe(false);
    expect(isPlainNestedMessage({ '@odata.type': '#microsoft.graph.event' })).toBe(false);
    const body = { contentType: 'html', content: '<img src="cid:x">' };
    expect(isPlainNestedMessage({ ...properties, hasAttachments: false, body })).toBe(false);
    expect(isPlainNestedMessage(undefined)).toBe(false);
  });
});

test('a marker tells a finished restore from one that was cut short', () => {
  expect(parseMarker(markerValue('s1/k1', true))).toEqual({ marker: 's1/k1', unfinished: false });
  expect(parseMarker(markerValue('s1/k1', false))).toEqual({ marker: 's1/k1', unfinished: true });
});
