import { describe, expect, test } from '@jest/globals';
import { bearerToken, hashToken, newToken, sameHash } from './tokens.ts';

describe('tokens', () => {
  test('are never the same, and only their hash is compared', () => {
    const tokens = new Set(Array.from({ length: 1000 }, newToken));
    expect(tokens.size).toBe(1000);
    const [first = '', second = ''] = tokens;
    expect(sameHash(hashToken(first), hashToken(first))).toBe(true);
    expect(sameHash(hashToken(first), hashToken(second))).toBe(false);
    expect(sameHash(hashToken(first), hashToken(first).slice(2))).toBe(false);
    expect(sameHash('', hashToken(first))).toBe(false);
  });

  test.each([
    ['Bearer', true],
    ['bearer', true],
    ['Basic', false],
    ['', false],
  ])('are taken from a header with the scheme "%s": %p', (scheme, taken) => {
    const token = newToken();
    expect(bearerToken(`${scheme} ${token}`) === token).toBe(taken);
  });
});
