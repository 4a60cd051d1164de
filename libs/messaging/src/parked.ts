import type { ErrorFacts } from '@holdfast/contracts';
import type { Bucket } from './bucket.ts';

export const parkedBucket = 'parked';
/** Kept for as long as events are. */
export const parkedForMs = 30 * 24 * 60 * 60 * 1000;

/** Where messages go that cannot be worked on, so that a person can look at them. */
export interface Parked {
  keep(message: { text: string; id: string; subject: string }, error: ErrorFacts): Promise<void>;
}

export function createParked(bucket: () => Promise<Bucket>, now: () => number): Parked {
  return {
    async keep({ text, id, subject }, error) {
      const record = { subject, id, at: new Date(now()).toISOString(), error, text };
      await (await bucket()).put(`${subject}/${id}`, JSON.stringify(record));
    },
  };
}
