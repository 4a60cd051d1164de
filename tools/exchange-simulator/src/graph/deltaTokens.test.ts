import { expect, test } from '@jest/globals';
import { type DeltaState, DeltaTokens } from './deltaTokens.ts';

const state = (folder: number): DeltaState => ({
  of: 'messages',
  mailbox: 'one',
  folder,
  after: 0,
  until: 7,
  initial: false,
  phase: 1,
  cursor: 7,
  select: 'id,subject',
  expand: undefined,
  since: undefined,
  changeType: undefined,
  left: undefined,
});
const of = (folder: number) => ({ of: 'messages', mailbox: 'one', folder, link: 'delta' }) as const;

test('a link opens the same way lately given out and long forgotten, and never elsewhere', () => {
  const tokens = new DeltaTokens(1);
  const issued = Array.from({ length: 2500 }, (_, folder) => tokens.seal(state(folder), 'delta'));
  const same = new DeltaTokens(1);
  for (const folder of [0, 499, 500, 2499]) {
    const opened = tokens.open(issued[folder]!, of(folder), '');
    expect(JSON.stringify(opened)).toBe(JSON.stringify(same.open(issued[folder]!, of(folder), '')));
    expect(() => tokens.open(issued[folder]!, of(folder + 1), '')).toThrow('Badly formed token.');
  }
  tokens.expire({});
  expect(() => tokens.open(issued[2499]!, of(2499), '')).toThrow(/not found/);
});
