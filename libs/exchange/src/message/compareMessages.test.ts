import { describe, expect, test } from '@jest/globals';
import { comparableBody, compareMessages } from './compareMessages.ts';
import type { GraphMessage } from './graphMessage.ts';

const person = (address: string, name = '') => ({ emailAddress: { name, address } });
const expected = {
  subject: 'Plan',
  body: { contentType: 'html', content: '<html><head></head><body>\n<p>hi</p></body></html>' },
  from: person('bo@example.com', 'Bo'),
  toRecipients: [person('ann@example.com', 'Ann'), person('eve@example.com')],
  sentDateTime: '2026-01-01T10:00:00Z',
  receivedDateTime: '2026-01-01T10:00:07Z',
  internetMessageId: '<a@b>',
  importance: 'high',
  isRead: true,
  isDraft: false,
  categories: ['Red', 'Blue'],
  flag: { flagStatus: 'flagged', dueDateTime: { dateTime: '2026-02-01T00:00:00.0000000', timeZone: 'UTC' } },
};
const actual: GraphMessage = {
  ...expected,
  id: 'x',
  parentFolderId: 'f1',
  inferenceClassification: 'focused',
};
const names = (change: object) =>
  compareMessages(expected, { ...actual, ...change } as GraphMessage, 'f1').map((d) => d.property);

describe('reading back', () => {
  test('equal messages have no difference', () => {
    expect(names({})).toEqual([]);
  });

  test.each([
    ['subject', { subject: 'Plan B' }],
    ['body', { body: { contentType: 'html', content: '<p>other</p>' } }],
    ['body', { body: { contentType: 'text', content: 'hi' } }],
    ['from', { from: person('eve@example.com', 'Bo') }],
    ['toRecipients', { toRecipients: [person('eve@example.com'), person('ann@example.com', 'Ann')] }],
    ['ccRecipients', { ccRecipients: [person('x@example.com')] }],
    ['sentDateTime', { sentDateTime: '2026-01-01T10:00:01Z' }],
    ['receivedDateTime', { receivedDateTime: '2026-01-02T10:00:07Z' }],
    ['internetMessageId', { internetMessageId: '<c@d>' }],
    ['importance', { importance: 'normal' }],
    ['isRead', { isRead: false }],
    ['isDraft', { isDraft: true }],
    ['categories', { categories: ['Red'] }],
    ['flag', { flag: { flagStatus: 'complete' } }],
    [
      'flag',
      { flag: { flagStatus: 'flagged', dueDateTime: { dateTime: '2026-02-02T00:00:00', timeZone: 'UTC' } } },
    ],
    ['folder', { parentFolderId: 'f2' }],
    ['isReadReceiptRequested', { isReadReceiptRequested: true }],
  ])('a changed %s is told (%#)', (property, change) => {
    expect(names(change)).toEqual([property]);
  });

  test.each([
    ['the order of categories', { categories: ['Blue', 'Red'] }],
    [
      'line ends and the character set that Exchange writes into HTML',
      {
        body: {
          contentType: 'HTML',
          content:
            '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>\r\n<p>hi</p></body></html>\r\n',
        },
      },
    ],
    [
      'a name filled in from the address',
      {
        toRecipients: [person('ann@example.com', 'Ann'), person('eve@example.com', 'eve@example.com')],
      },
    ],
    ['parts of a second', { sentDateTime: '2026-01-01T10:00:00.900Z' }],
    ['case of an address', { from: person('BO@example.com', 'Bo') }],
  ])('%s is no difference', (_, change) => {
    expect(names(change)).toEqual([]);
  });

  test('what the backup does not know is not compared with what the service made up', () => {
    const found = compareMessages({ subject: '' }, { ...actual, subject: '' } as GraphMessage, undefined);
    expect(
      found.map((d) => d.property).filter((p) => ['from', 'internetMessageId', 'sentDateTime'].includes(p)),
    ).toEqual([]);
  });

  test('of long texts the place where they part is shown', () => {
    const long = 'x'.repeat(5_000);
    const [difference] = compareMessages(
      { body: { contentType: 'text', content: `${long}A` } },
      { id: 'x', body: { contentType: 'text', content: `${long}B` } },
      undefined,
    );
    expect(difference?.expected.length).toBeLessThan(300);
    expect(difference?.expected).toMatch(/A$/);
    expect(difference?.actual).toMatch(/B$/);
  });
});

test('only what Exchange is known to rewrite is taken out of a body', () => {
  expect(comparableBody('html', '<p>a</p> <p>b</p>')).not.toBe(comparableBody('html', '<p>a</p><p>b</p>'));
  expect(comparableBody('text', 'a\r\nb\r\n')).toBe('a\nb');
  expect(comparableBody('text', '<html><body>a</body></html>')).toBe('<html><body>a</body></html>');
});
