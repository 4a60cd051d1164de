import { HoldfastError, type RepositoryRecord } from '@holdfast/contracts';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { PointHub } from '../adapters/pointHub.ts';
import { exploreFolders, exploreItems, findItem } from '../domain/explore.ts';
import { createMimeSlices } from '../domain/mimeSlices.ts';
import type { RestoreMetrics } from '../metrics.ts';
import type { PointContents } from '../ports.ts';

export interface QuestionDeps {
  messaging: Messaging;
  pool: string;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  points: PointHub;
  metrics: RestoreMetrics;
}

/** The largest slice that a reply carries; base64 makes it a third longer. */
const sliceBytes = 512 * 1024;
const openReaders = 16;

interface PointOfView {
  repositoryId: string;
  pointName: string;
}

/** Answers what the explorer asks of restore points, straight from their repositories. */
export async function answerQuestions(deps: QuestionDeps): Promise<Running> {
  const { messaging, pool, metrics } = deps;
  const slices = createMimeSlices(sliceBytes, openReaders);

  async function withPoint<T>(
    question: string,
    { repositoryId, pointName }: PointOfView,
    answer: (point: PointContents) => Promise<T>,
  ): Promise<T> {
    metrics.questions.inc({ question });
    const record = await deps.repository(repositoryId);
    if (record === undefined) throw noRepository(repositoryId);
    const { contents, release } = await deps.points.use(record, pointName);
    try {
      return await answer(contents);
    } finally {
      await release();
    }
  }

  const serving = await Promise.all([
    serveQuestion(messaging, pool, 'exploreFolders', (request) =>
      withPoint('folders', request, async (point) => ({ folders: await exploreFolders(point) })),
    ),
    serveQuestion(messaging, pool, 'exploreItems', (request) =>
      withPoint('items', request, (point) => exploreItems(point, request)),
    ),
    serveQuestion(messaging, pool, 'exploreGaps', (request) =>
      withPoint('gaps', request, async (point) => ({ gaps: [...point.gaps] })),
    ),
    serveQuestion(messaging, pool, 'exploreMime', (request) =>
      withPoint('mime', request, async (point) => {
        const { repositoryId, pointName, folderId, itemKey, offset } = request;
        const source = {
          id: JSON.stringify([repositoryId, pointName, folderId, itemKey]),
          find: () => findItem(point, folderId, itemKey),
          read: (objectId: string) => point.read(objectId),
        };
        const { size, sha256, bytes } = await slices.slice(source, offset);
        return { size, sha256, data: bytes.toString('base64') };
      }),
    ),
  ]);
  return {
    async stop() {
      await Promise.all(serving.map((running) => running.stop()));
      await slices.close();
    },
  };
}

function noRepository(id: string): HoldfastError {
  return new HoldfastError('repository-not-found', 'configuration', `There is no repository ${id}.`, {
    remedy: 'Attach the repository, then ask again.',
  });
}
