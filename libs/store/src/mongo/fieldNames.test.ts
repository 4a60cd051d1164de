import type { JsonObject } from '@holdfast/contracts';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { escapeNames, unescapeNames } from './fieldNames.ts';

const names = fc.oneof(
  fc.string(),
  fc.constantFrom('', '%', '%2e', '.', '$', 'a.b', '$set', '\0', '%%', '%24'),
);
const documents = fc.object({
  key: names,
  withNullPrototype: false,
  values: [fc.string(), fc.integer(), fc.constant(null)],
});

function everyName(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(everyName)];
}

test('any field name comes back as it was, and none that a server refuses goes out', () => {
  fc.assert(
    fc.property(documents, (document) => {
      const plain = JSON.parse(JSON.stringify(document)) as JsonObject;
      const escaped = escapeNames(plain);
      expect(unescapeNames(escaped)).toEqual(plain);
      for (const name of everyName(escaped)) expect(name).toMatch(/^[^.$\0]+$/);
    }),
  );
});

test('names without special characters stay as they are', () => {
  expect(escapeNames({ runId: 1, 'über-name': { x_1: [{ y: 2 }] } })).toEqual({
    runId: 1,
    'über-name': { x_1: [{ y: 2 }] },
  });
});
