import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalBytes, canonicalJson, type JsonObject } from './canonicalJson.ts';

test('members given as canonical texts make the same bytes as members given as values', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }));
  fc.assert(
    fc.property(object, object, (values, given) => {
      const texts = new Map(
        Object.entries(given).map(([key, value]) => [key, Buffer.from(canonicalJson(value))]),
      );
      const both = { ...values, ...given } as JsonObject;
      expect(canonicalBytes(values as JsonObject, texts).toString()).toBe(canonicalJson(both));
    }),
  );
});
