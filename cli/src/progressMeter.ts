import { bytesText, durationText } from './units.ts';

/** One look at what is at work. */
export interface ProgressSample {
  /** Time of the look, in ms. */
  at: number;
  /** Share of the whole that is done, 0 to 1; undefined while the whole is not known. */
  share: number | undefined;
  /** Counters of each thing at work, by id; they only grow while it is at work. */
  counters: readonly { id: string; done: number; bytes: number }[];
}

export interface ProgressReading {
  share: number | undefined;
  items: number;
  bytes: number;
  itemsPerSecond: number;
  bytesPerSecond: number;
  /** Seconds left at the pace so far; undefined while nothing can be said. */
  etaSeconds: number | undefined;
}

/** The pace is taken over the newest looks within this time. */
const windowMs = 20_000;

/** Turns looks at growing counters into a pace and a time left. Things come and go between two looks. */
export function createProgressMeter() {
  const seen = new Map<string, { done: number; bytes: number }>();
  const points: { at: number; items: number; bytes: number; share: number }[] = [];
  let items = 0;
  let bytes = 0;
  return {
    add(sample: ProgressSample): ProgressReading {
      for (const { id, done, bytes: read } of sample.counters) {
        const before = seen.get(id) ?? { done: 0, bytes: 0 };
        // A smaller number means that it was begun again: what was counted stays counted.
        items += Math.max(0, done - before.done);
        bytes += Math.max(0, read - before.bytes);
        seen.set(id, { done, bytes: read });
      }
      points.push({ at: sample.at, items, bytes, share: sample.share ?? 0 });
      while (points.length > 2 && (points[0]?.at ?? 0) < sample.at - windowMs) points.shift();
      const first = points[0] ?? { at: sample.at, items, bytes, share: 0 };
      const seconds = (sample.at - first.at) / 1000;
      const pace = (amount: number) => (seconds > 0 ? amount / seconds : 0);
      const sharePace = pace((sample.share ?? 0) - first.share);
      const left = sample.share === undefined ? undefined : 1 - sample.share;
      return {
        share: sample.share,
        items,
        bytes,
        itemsPerSecond: pace(items - first.items),
        bytesPerSecond: pace(bytes - first.bytes),
        etaSeconds: left === undefined || sharePace <= 0 ? undefined : left / sharePace,
      };
    },
  };
}

const barWidth = 24;

/** A reading as one line: bar, percentage, pace, time left. */
export function progressLine(label: string, reading: ProgressReading): string {
  const share = Math.min(1, Math.max(0, reading.share ?? 0));
  const filled = Math.round(share * barWidth);
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}]`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const eta = reading.etaSeconds === undefined ? 'ETA --' : `ETA ${durationText(reading.etaSeconds)}`;
  const pace = `${reading.itemsPerSecond.toFixed(1)} items/s, ${bytesText(Math.round(reading.bytesPerSecond))}/s`;
  return `${label} ${bar} ${percent}  ${reading.items} items, ${pace}, ${eta}`;
}
