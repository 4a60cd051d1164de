import { parentPort, workerData } from 'node:worker_threads';
import { copyBytes } from '../format/copyBytes.ts';
import { FRAME_HEADER_BYTES, openFrame } from '../format/frame.ts';
import { releaseMemory } from '../format/releaseMemory.ts';
import { type MasterKeyBytes, MasterKeys } from '../keys/masterKeys.ts';
import { checkPackBytes, type PackFacts } from '../verify/checkPackBytes.ts';
import type { Finding } from '../verify/finding.ts';
import { type RebuildRequest, rebuildMessage } from './rebuildMessage.ts';

/** What is asked of a reading thread. */
export type ReadQuestion =
  /** A message into `target`, which is shared memory. */
  | { verb: 'rebuild'; request: RebuildRequest; target: Uint8Array }
  /** Frames in shared memory: where each begins, its length, and where its plaintext belongs. */
  | { verb: 'open'; memory: Uint8Array; places: readonly number[] }
  /** A whole pack, in memory that is the thread's from now on. */
  | { verb: 'check'; pack: Uint8Array; facts: PackFacts };

export interface ReadAnswers {
  rebuild: true;
  /** For each frame whether it could be opened. */
  open: boolean[];
  check: Finding[];
}

export type ReadCall = { call: number } & ReadQuestion;
export type ReadReply = { call: number } & (
  | { answer: ReadAnswers[keyof ReadAnswers] }
  /** The caller does it itself and then says what is wrong. */
  | { error: string }
);

/** The entry of a reading thread. One call at a time, in order; every call is answered. */
const keys = new MasterKeys(workerData as MasterKeyBytes);

parentPort?.on('message', (call: ReadCall) => parentPort?.postMessage(reply(call)));

function reply(question: ReadCall): ReadReply {
  const { call } = question;
  try {
    return { call, answer: answer(question) };
  } catch (error) {
    return { call, error: error instanceof Error ? error.message : String(error) };
  }
}

function answer(question: ReadQuestion): ReadAnswers[keyof ReadAnswers] {
  switch (question.verb) {
    case 'rebuild':
      rebuildMessage(keys, question.request, question.target);
      return true;
    case 'open':
      return openAll(question.memory, question.places);
    case 'check':
      try {
        return checkPackBytes(keys, question.facts, question.pack);
      } finally {
        releaseMemory(question.pack);
      }
  }
}

function openAll(memory: Uint8Array, places: readonly number[]): boolean[] {
  const opened: boolean[] = [];
  for (let at = 0; at < places.length; at += 3) {
    const [start = 0, length = 0, plainAt = 0] = places.slice(at, at + 3);
    const frame = memory.subarray(start, start + length);
    try {
      const { plain } = openFrame(keys, frame, frame.subarray(FRAME_HEADER_BYTES), undefined, 'lent');
      copyBytes(plain, memory, plainAt);
      opened.push(true);
    } catch {
      // Opened again by the caller, who tries other copies and says what is wrong.
      opened.push(false);
    }
  }
  return opened;
}
