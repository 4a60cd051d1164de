import { parentPort, workerData } from 'node:worker_threads';
import { type MasterKeyBytes, MasterKeys } from '../keys/masterKeys.ts';
import { type RebuildRequest, rebuildMessage } from './rebuildMessage.ts';

/** The entry of a reading thread: messages in, messages out; what it cannot rebuild the caller reads itself. */
const keys = new MasterKeys(workerData as MasterKeyBytes);

parentPort?.on('message', ({ call, request }: { call: number; request: RebuildRequest }) => {
  try {
    const message = rebuildMessage(keys, request);
    parentPort?.postMessage({ call, message }, [message.buffer as ArrayBuffer]);
  } catch (error) {
    parentPort?.postMessage({ call, error: error instanceof Error ? error.message : String(error) });
  }
});
