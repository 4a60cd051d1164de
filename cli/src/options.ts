import { type Command, InvalidArgumentError } from 'commander';

/** A whole number from 1. */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** A whole number from 0. */
export function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}

/** An option that may be given several times. */
export const collect = (value: string, before: string[]): string[] => [...before, value];

export const listLimit = (command: Command): Command =>
  command.option('--limit <n>', 'at most', wholeNumber, 100);
