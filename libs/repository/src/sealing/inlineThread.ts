import type { RandomBytes } from '../ports.ts';
import { LargeItems } from './largeItems.ts';
import { SealCore } from './sealCore.ts';
import type { SealSettings, SealThread } from './sealThread.ts';

/** Sealing in the calling thread: for tests and for programs that store little. */
export function inlineThread(settings: SealSettings, random: RandomBytes): SealThread {
  const core = new SealCore(settings.keys, settings.sizes, settings.zstdLevel, random);
  const large = new LargeItems(core);
  return {
    useFilter: (memory) => core.useFilter(memory),
    store: async (job, bytes, entries, target) => core.store(job, bytes, entries, target),
    seal: async (job, needed, target) => core.seal(job, needed, target),
    forget: (job) => core.forget(job),
    pushStream: async (job, target, chunk) => large.push(job, target, asBuffer(chunk)),
    endStream: async (job, target) => large.end(job, target),
    finishStream: async (job, properties) => large.finish(job, asBuffer(properties)),
    sealStream: async (job, needed) => large.seal(job, needed),
    dropStream: async (job) => large.drop(job),
    close: async () => undefined,
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
