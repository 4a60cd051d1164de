import { readdirSync, readFileSync, statSync } from 'node:fs';

/** The middle value; of an even count, the mean of the two in the middle. Throws RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('no values');
  return (lower + upper) / 2;
}

/** The value that a share (0 to 1) of all values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** Seconds that something took. */
export async function seconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return (performance.now() - started) / 1000;
}

/** Resident memory of a process in MiB now; undefined when it is gone. Linux only. */
export function residentMiB(pid: number): number | undefined {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? undefined : Number(line[1]) / 1024;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Highest resident memory a process has had, in MiB, as the kernel counted it. */
export function peakResidentMiB(pid: number): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return line === null ? 0 : Number(line[1]) / 1024;
}

/** User and system CPU seconds that a process and its children have used. */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (fields[11] ?? 0) + (fields[12] ?? 0) + (fields[13] ?? 0) + (fields[14] ?? 0);
  return ticks / 100;
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  let total = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    total += statSync(`${entry.parentPath}/${entry.name}`).size;
  }
  return total;
}

/** A row of the table: a figure as a ratio or a value, with the bar it must reach. */
export interface BenchRow {
  bar: string;
  unit: string;
  ours: number;
  peer?: number;
  /** ours / peer, or peer / ours where the bar says so; median of the ratios of the rounds. */
  ratio?: number;
  /** Such as `>= 1.5` or `<= 400`; applies to `ratio` when there is one, else to `ours`. */
  gate?: string;
  held?: boolean;
  note?: string;
}

/** Whether a value satisfies a gate such as `<= 0.6`. */
export function holds(gate: string, value: number): boolean {
  const [operator, limit] = gate.split(' ');
  return operator === '<=' ? value <= Number(limit) : value >= Number(limit);
}

/** Completes a row with the verdict on its gate. */
export function judged(row: BenchRow): BenchRow {
  return row.gate === undefined ? row : { ...row, held: holds(row.gate, row.ratio ?? row.ours) };
}
