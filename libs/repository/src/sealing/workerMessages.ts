import type { BatchEntry, PreparedBatch, SealedBatch } from './sealCore.ts';
import type { StreamTarget } from './sealThread.ts';

/** What is asked of a worker thread. */
export type WorkerCall = { call: number; job: number } & (
  | { verb: 'prepare'; bytes: Uint8Array; entries: readonly BatchEntry[] }
  | { verb: 'seal'; needed: Uint8Array; target: Uint8Array }
  | { verb: 'pushStream'; target: StreamTarget; chunk: Uint8Array }
  | { verb: 'endStream'; target: StreamTarget }
  | { verb: 'finishStream'; properties: Uint8Array }
  | { verb: 'sealStream'; needed: Uint8Array }
  | { verb: 'dropStream' }
);

export type WorkerReply =
  | {
      call: number;
      value: { prepared: PreparedBatch } | { sealed: SealedBatch } | undefined;
    }
  | { call: number; error: string };
