import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeKey, encodeKey, eventConsumerName, taskConsumerName } from './names.ts';

describe('keys of buckets', () => {
  test('any text comes back, and its code is a key that the broker takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (key) => {
        // Lone surrogates are no text in UTF-8.
        const text = key.toWellFormed();
        const encoded = encodeKey(text);
        expect(encoded).toMatch(/^[-/=.\w]+$/);
        expect(encoded).not.toMatch(/^\.|\.$|\.\./);
        expect(decodeKey(encoded)).toBe(text);
      }),
    );
  });

  test('ids and task ids stay readable', () => {
    expect(encodeKey('run-1.mbx_2')).toBe('run-1.mbx_2');
    expect(encodeKey('a@b.example')).toBe('a=40b.example');
  });
});

test('different owners, pools and filters never share a consumer, and names are ones the broker takes', () => {
  const names = [
    taskConsumerName('sync', 'a', 'b-c'),
    taskConsumerName('sync', 'a-b', 'c'),
    taskConsumerName('sync', 'a', '*'),
    taskConsumerName('sync', 'a', 'all'),
    eventConsumerName('notify', 'events.run.>'),
    eventConsumerName('notify', 'events.mailbox.>'),
    eventConsumerName('scheduler', 'events.run.>'),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).not.toMatch(/[.*> \\/\t\r\n]/);
});
