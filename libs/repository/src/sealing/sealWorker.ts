import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { LargeItems } from './largeItems.ts';
import { SealCore } from './sealCore.ts';
import type { SealSettings } from './sealThread.ts';
import type { WorkerCall, WorkerFilter, WorkerReply } from './workerMessages.ts';

/** The entry of a sealing thread. One call at a time, in order; every call is answered. */
const settings = workerData as SealSettings;
const core = new SealCore(settings.keys, settings.sizes, settings.zstdLevel, randomBytes);
const large = new LargeItems(core);

parentPort?.on('message', (message: WorkerCall | WorkerFilter) => {
  if ('filter' in message) {
    core.useFilter(message.filter);
    return;
  }
  for (const job of message.forget) core.forget(job);
  const reply = answer(message);
  const own = ownBytes(reply);
  parentPort?.postMessage(reply, own ? [own.buffer as ArrayBuffer] : []);
});

function ownBytes(reply: WorkerReply): Uint8Array | undefined {
  if (!('value' in reply) || !reply.value) return undefined;
  if ('stored' in reply.value) return reply.value.stored.sealed.bytes;
  return 'sealed' in reply.value ? reply.value.sealed.bytes : undefined;
}

function answer(call: WorkerCall): WorkerReply {
  try {
    return { call: call.call, value: perform(call) };
  } catch (error) {
    return {
      call: call.call,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

function perform(call: WorkerCall): Extract<WorkerReply, { value: unknown }>['value'] {
  switch (call.verb) {
    case 'store':
      return { stored: core.store(call.job, asBuffer(call.bytes), call.entries, asBuffer(call.target)) };
    case 'seal':
      return { sealed: core.seal(call.job, call.needed, asBuffer(call.target)) };
    case 'pushStream':
      return { prepared: large.push(call.job, call.target, asBuffer(call.chunk)) };
    case 'endStream':
      return { prepared: large.end(call.job, call.target) };
    case 'finishStream':
      return { prepared: large.finish(call.job, asBuffer(call.properties)) };
    case 'sealStream':
      return { sealed: large.seal(call.job, call.needed) };
    case 'dropStream':
      large.drop(call.job);
      return undefined;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
