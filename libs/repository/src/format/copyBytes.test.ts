import { describe, expect, test } from '@jest/globals';
import { copyBytes } from './copyBytes.ts';

const memory = {
  own: (size: number) => Buffer.alloc(size),
  shared: (size: number) => Buffer.from(new SharedArrayBuffer(size)),
};

describe.each([
  ['own', 'own'],
  ['own', 'shared'],
  ['shared', 'own'],
  ['shared', 'shared'],
] as const)('from %s memory into %s memory', (from, to) => {
  test.each([0, 1, 63, 64, 65, 5000])('%d bytes arrive, and nothing around them changes', (size) => {
    const source = memory[from](size + 2)
      .fill(9)
      .subarray(1, size + 1);
    for (let at = 0; at < size; at++) source[at] = at % 251;
    const target = memory[to](size + 5);
    copyBytes(source, target, 3);
    expect([...target]).toEqual([0, 0, 0, ...source, 0, 0]);
    copyBytes(source, target, 5);
    expect([...target.subarray(5)]).toEqual([...source]);
  });

  test.each([63, 5000])('%d bytes without room for the last one are refused', (size) => {
    const target = memory[to](size + 1);
    expect(() => copyBytes(memory[from](size).fill(1), target, 2)).toThrow(RangeError);
    expect(target.every((byte) => byte === 0)).toBe(true);
  });
});
