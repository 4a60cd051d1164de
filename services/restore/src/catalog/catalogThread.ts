import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Catalog, openCatalog } from '@holdfast/catalog';
import { errorFacts, InvalidInput } from '@holdfast/contracts';
import { systemClock } from '@holdfast/runtime';
import { inlineIndexer } from '../adapters/catalogIndexer.ts';
import { machinePace } from '../adapters/politePace.ts';
import type { ErrorMessage, ThreadCall, ThreadReply, ThreadStart } from './threadMessages.ts';

// The body of a thread of the catalog: SQLite is synchronous, and texts are read out of mails here.
const { catalogUrl, cacheDir, role } = workerData as ThreadStart;
const lowestPriority = 19;
// On Linux the number is of the thread alone: a backup on the same machine goes first.
if (role === 'index' && process.platform === 'linux') setPriority(0, lowestPriority);

const opening = openCatalog(catalogUrl);
opening.catch(() => undefined);
const pacing = { now: () => systemClock.now(), pace: machinePace() };
const indexing = opening.then((catalog) => inlineIndexer(catalog, cacheDir, pacing));
indexing.catch(() => undefined);
const stops = new Set<AbortController>();

const send = (reply: ThreadReply): void => parentPort?.postMessage(reply);

async function answer(message: ThreadCall): Promise<unknown> {
  switch (message.verb) {
    case 'catalog': {
      const catalog = await opening;
      const method = catalog[message.method as keyof Catalog] as (...args: unknown[]) => Promise<unknown>;
      return method.apply(catalog, message.args);
    }
    case 'index': {
      const stop = new AbortController();
      stops.add(stop);
      try {
        return await (await indexing).index(message.repository, message.mailboxKey, {
          signal: stop.signal,
          onProgress: (progress) => send({ call: message.call, progress: { ...progress } }),
        });
      } finally {
        stops.delete(stop);
      }
    }
    case 'stop-indexing':
      for (const stop of stops) stop.abort();
      return undefined;
    case 'close':
      await (await indexing).close();
      return (await opening).close();
  }
}

function errorMessage(error: unknown): ErrorMessage {
  const { code, errorClass, message, remedy } = errorFacts(error);
  const problems = error instanceof InvalidInput ? [...error.problems] : undefined;
  const stack = error instanceof Error ? error.stack : undefined;
  return { code, errorClass, message, remedy, problems, stack };
}

parentPort?.on('message', (message: ThreadCall) => {
  answer(message).then(
    (value) => send({ call: message.call, value }),
    (error: unknown) => send({ call: message.call, error: errorMessage(error) }),
  );
});
