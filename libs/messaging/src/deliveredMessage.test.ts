import { expect, test } from '@jest/globals';
import { parseAckSubject } from './deliveredMessage.ts';

test('ack subjects of old and new servers give deliveries and sequence', () => {
  const expected = { deliveries: 3, sequence: 42 };
  expect(parseAckSubject('$JS.ACK.h-TASKS.sync=p=r.3.42.50.1795327208049151774.1')).toEqual(expected);
  expect(parseAckSubject('$JS.ACK._.hash.h-TASKS.sync=p=r.3.42.50.1795327208049151774.1')).toEqual(expected);
  expect(parseAckSubject('$JS.ACK.hub.hash.h-TASKS.sync=p=r.3.42.50.1795327208049151774.1.x7')).toEqual(
    expected,
  );
});

test('anything else is refused instead of counted wrongly', () => {
  expect(() => parseAckSubject('_INBOX.abc')).toThrow(/not the ack subject/);
  expect(() => parseAckSubject('')).toThrow(/not the ack subject/);
});
