import { UsageError } from './errors.ts';

const units: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes from `500k`, `20M`, `2G`. @throws UsageError */
export function sizeOption(option: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const match = /^(\d+)\s*([kmg]?)(i?b)?$/i.exec(given);
  if (!match)
    throw new UsageError(`${option}: "${given}" is no size`, 'Give a size such as 500k, 20M or 2G.');
  return Number(match[1]) * (units[(match[2] ?? '').toLowerCase()] ?? 1);
}
