import { parentPort, workerData } from 'node:worker_threads';
import { type MasterKeyBytes, MasterKeys } from '../keys/masterKeys.ts';
import { type RebuildRequest, rebuildMessage } from './rebuildMessage.ts';

/** The entry of a reading thread: messages in, messages out; what it cannot rebuild the caller reads itself. */
const keys = new MasterKeys(workerData as MasterKeyBytes);

export interface ReadCall {
  call: number;
  request: RebuildRequest;
  /** Shared memory for the message. */
  target: Uint8Array;
}

parentPort?.on('message', ({ call, request, target }: ReadCall) => {
  try {
    rebuildMessage(keys, request, target);
    parentPort?.postMessage({ call, isDone: true });
  } catch (error) {
    parentPort?.postMessage({ call, error: error instanceof Error ? error.message : String(error) });
  }
});
