import { Worker } from 'node:worker_threads';
import { type ErrorClass, HoldfastError, InvalidInput } from '@holdfast/contracts';
import type { ErrorMessage, ThreadCall, ThreadReply, ThreadStart } from './threadMessages.ts';

type Verb<T> = T extends ThreadCall ? Omit<T, 'call'> : never;
type Progress = Extract<ThreadReply, { progress: unknown }>['progress'];

export interface Thread {
  call(verb: Verb<ThreadCall>, onProgress?: (progress: Progress) => void): Promise<unknown>;
  close(): Promise<void>;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  onProgress: ((progress: Progress) => void) | undefined;
}

/** A thread of the catalog. One that dies fails its calls and is started anew with the next one. */
export function openThread(start: ThreadStart): Thread {
  let worker: Worker | undefined;
  let calls = new Map<number, Waiting>();
  let next = 0;
  let closed = false;

  function begin(): Worker {
    const begun = new Worker(new URL('./catalogThread.ts', import.meta.url), {
      workerData: start,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 512 },
    });
    const own = calls;
    begun.on('message', (reply: ThreadReply) => {
      const waiting = own.get(reply.call);
      if ('progress' in reply) {
        waiting?.onProgress?.(reply.progress);
        return;
      }
      own.delete(reply.call);
      if ('error' in reply) waiting?.reject(thrown(reply.error));
      else waiting?.resolve(reply.value);
    });
    const end = (cause: unknown): void => {
      if (worker === begun) {
        worker = undefined;
        calls = new Map();
      }
      for (const waiting of own.values()) waiting.reject(threadEnded(cause));
      own.clear();
    };
    begun.on('error', end);
    begun.on('exit', () => end(undefined));
    return begun;
  }

  function call(verb: Verb<ThreadCall>, onProgress?: Waiting['onProgress']): Promise<unknown> {
    if (closed) return Promise.reject(threadEnded(undefined));
    worker ??= begin();
    const number = ++next;
    const answer = new Promise((resolve, reject) => calls.set(number, { resolve, reject, onProgress }));
    worker.postMessage({ ...verb, call: number });
    return answer;
  }

  return {
    call,
    async close() {
      if (closed) return;
      const ending = worker === undefined ? undefined : call({ verb: 'close' });
      closed = true;
      await ending?.catch(() => undefined);
      await worker?.terminate();
    },
  };
}

function thrown({ code, errorClass, message, remedy, problems, stack }: ErrorMessage): HoldfastError {
  if (problems !== undefined) return new InvalidInput(problems);
  const cause = new Error(message);
  if (stack !== undefined) cause.stack = stack;
  return new HoldfastError(code, errorClass as ErrorClass, message, {
    ...(remedy === undefined ? {} : { remedy }),
    cause,
  });
}

const threadEnded = (cause: unknown): HoldfastError =>
  new HoldfastError('catalog-thread-ended', 'transient', 'the thread of the catalog ended', {
    remedy: 'It is started again by itself; if this repeats, look for its end in the log.',
    cause,
  });
