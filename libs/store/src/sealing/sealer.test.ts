import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSealer, SealBroken, SealKeyUnknown } from './sealer.ts';

const key = (id: string) => ({ id, key: randomBytes(32) });
const june = key('june');
const july = key('july');
const context = 'organization:org-1';

describe('a sealed secret', () => {
  test('opens to what it was, whatever it was, in its context only', () => {
    const sealer = createSealer({ keys: [june] });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.string(), (plain, owner, other) => {
        const sealed = sealer.seal(plain, owner);
        expect(sealer.open(sealed, owner)).toBe(plain);
        if (owner !== other) expect(() => sealer.open(sealed, other)).toThrow(SealBroken);
      }),
    );
  });

  test('shows nothing of the secret and is never the same twice', () => {
    const sealer = createSealer({ keys: [june] });
    const sealed = Array.from({ length: 200 }, () => sealer.seal('client-secret', context));
    expect(new Set(sealed).size).toBe(200);
    for (const text of sealed) {
      expect(text).toMatch(/^sealed:v1:june:[A-Za-z0-9_-]+$/);
      expect(Buffer.from(text.split(':')[3] as string, 'base64url').toString('latin1')).not.toContain(
        'client',
      );
    }
  });

  test('does not open when any character of it was changed', () => {
    const sealer = createSealer({ keys: [june] });
    const sealed = sealer.seal('client-secret', context);
    for (let i = 0; i < sealed.length; i += 1) {
      const changed = `${sealed.slice(0, i)}${sealed[i] === 'A' ? 'B' : 'A'}${sealed.slice(i + 1)}`;
      expect(() => sealer.open(changed, context)).toThrow(
        /^(the sealed secret|a secret is sealed with the key)/,
      );
    }
  });

  test('does not open when it was cut, lengthened, or is something else', () => {
    const sealer = createSealer({ keys: [june] });
    const sealed = sealer.seal('', context);
    const others = [
      '',
      'sealed:',
      'sealed:v1:june:',
      'client-secret',
      sealed.slice(0, -1),
      `${sealed}A`,
      `${sealed}:x`,
    ];
    for (const text of [...others, sealed.replace('v1', 'v2'), `${sealed}=`, ` ${sealed}`]) {
      expect(() => sealer.open(text, context)).toThrow(SealBroken);
    }
  });

  test('survives a change of keys: the first seals, all open', () => {
    const old = createSealer({ keys: [june] }).seal('client-secret', context);
    const both = createSealer({ keys: [july, june] });
    expect(both.open(old, context)).toBe('client-secret');
    expect(both.seal('client-secret', context)).toMatch(/^sealed:v1:july:/);
  });

  test('names the key that is missing', () => {
    const old = createSealer({ keys: [june] }).seal('client-secret', context);
    const opening = () => createSealer({ keys: [july] }).open(old, context);
    expect(opening).toThrow(SealKeyUnknown);
    expect(opening).toThrow(expect.objectContaining({ errorClass: 'configuration', keyId: 'june' }));
    expect(opening).toThrow(/sealed with the key june; the keys given are july/);
  });

  test('is broken for another key under the same id, and cannot be moved to another key id', () => {
    const sealed = createSealer({ keys: [june] }).seal('client-secret', context);
    expect(() => createSealer({ keys: [key('june')] }).open(sealed, context)).toThrow(SealBroken);
    const renamed = createSealer({ keys: [{ id: 'july', key: june.key }] });
    expect(() => renamed.open(sealed.replace('june', 'july'), context)).toThrow(SealBroken);
  });
});

describe('a sealer', () => {
  test('is not made without a key, or with one that is none', () => {
    const refused = [
      [],
      [{ id: 'a', key: randomBytes(16) }],
      [{ id: 'a:b', key: june.key }],
      [june, key('june')],
    ];
    for (const keys of refused) {
      expect(() => createSealer({ keys })).toThrow(expect.objectContaining({ errorClass: 'configuration' }));
    }
  });
});
