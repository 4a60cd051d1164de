import type { BatchEntry, PreparedBatch, SealedBatch, StoredBatch } from './sealCore.ts';
import type { StreamTarget } from './sealThread.ts';

/** What is asked of a worker thread; `forget` names batches of which nothing more is needed. */
export type WorkerCall = { call: number; job: number; forget: readonly number[] } & (
  | { verb: 'store'; bytes: Uint8Array; entries: readonly BatchEntry[]; target: Uint8Array }
  | { verb: 'seal'; needed: Uint8Array; target: Uint8Array }
  | { verb: 'pushStream'; target: StreamTarget; chunk: Uint8Array }
  | { verb: 'endStream'; target: StreamTarget }
  | { verb: 'finishStream'; properties: Uint8Array }
  | { verb: 'sealStream'; needed: Uint8Array }
  | { verb: 'dropStream' }
);

/** Sent without waiting for an answer. */
export interface WorkerFilter {
  filter: SharedArrayBuffer;
}

export type WorkerReply =
  | {
      call: number;
      value: { stored: StoredBatch } | { prepared: PreparedBatch } | { sealed: SealedBatch } | undefined;
    }
  | { call: number; error: string };
