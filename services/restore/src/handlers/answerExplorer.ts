import { type Catalog, shelfIdOf } from '@holdfast/catalog';
import { HoldfastError, type RepositoryRecord } from '@holdfast/contracts';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { Repository } from '@holdfast/repository';
import type { Clock } from '@holdfast/runtime';
import type { PointHub } from '../adapters/pointHub.ts';
import { ownerOf } from '../adapters/shelfSource.ts';
import type { CatalogMetrics } from '../catalog/catalogMetrics.ts';
import { searchItems } from '../domain/catalogSearch.ts';
import { createContentSlices } from '../domain/contentSlices.ts';
import { findItem } from '../domain/explore.ts';
import {
  exploreMailboxes,
  exploreTimeline,
  findPoint,
  type RepositoryLists,
} from '../domain/exploreRepository.ts';
import { readMessageParts } from '../domain/messageParts.ts';
import { attachmentsOf, previewHtml, previewItem } from '../domain/previewItem.ts';
import type { RestoreMetrics } from '../metrics.ts';
import type { PointItem, StoredItem } from '../ports.ts';

export interface ExplorerDeps {
  messaging: Messaging;
  pool: string;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  points: PointHub;
  /** Absent when it is switched off. */
  catalog: Catalog | undefined;
  metrics: RestoreMetrics;
  catalogMetrics: CatalogMetrics | undefined;
  clock: Clock;
}

const sliceBytes = 512 * 1024;
const openReaders = 16;

interface PlaceOfItem {
  repositoryId: string;
  pointName: string;
  folderId: string;
  itemKey: string;
}

/** Answers the explorer: searches, lists over all time, previews, and what a repository holds. */
export async function answerExplorer(deps: ExplorerDeps): Promise<Running> {
  const serving = await Promise.all([...catalogQuestions(deps), ...repositoryQuestions(deps)]);
  const previews = await previewQuestions(deps);
  return {
    async stop() {
      await Promise.all([...serving, previews].map((running) => running.stop()));
    },
  };
}

function catalogQuestions(deps: ExplorerDeps): Promise<Running>[] {
  const { messaging, pool, metrics } = deps;
  const use = (question: string): Catalog => {
    metrics.questions.inc({ question });
    if (deps.catalog === undefined) throw catalogOff();
    return deps.catalog;
  };
  const behindOf = async (catalog: Catalog, { repositoryId, mailboxKey }: Omit<Shelved, 'folderId'>) => {
    const shelf = await catalog.shelf(shelfIdOf(repositoryId, mailboxKey));
    return shelf === undefined
      ? { points: 0 }
      : catalog.behind({ repositoryIds: [repositoryId], mailboxIds: [shelf.mailboxId] });
  };
  return [
    serveQuestion(messaging, pool, 'searchCatalog', async (input) => {
      const catalog = use('search');
      const started = deps.clock.now();
      const page = await searchItems(catalog, input);
      deps.catalogMetrics?.searchSeconds.observe((deps.clock.now() - started) / 1000);
      return page;
    }),
    serveQuestion(messaging, pool, 'catalogFolders', async (place) => {
      const catalog = use('catalog-folders');
      const folders = await catalog.foldersEver(shelfIdOf(place.repositoryId, place.mailboxKey));
      return { folders, behind: await behindOf(catalog, place) };
    }),
    serveQuestion(messaging, pool, 'catalogItems', async ({ folderId, limit, after, ...place }) => {
      const catalog = use('catalog-items');
      const options = { limit, ...(after === undefined ? {} : { cursor: after }) };
      const page = await catalog.itemsEver(
        shelfIdOf(place.repositoryId, place.mailboxKey),
        folderId,
        options,
      );
      return { ...page, behind: await behindOf(catalog, place) };
    }),
    serveQuestion(messaging, pool, 'itemHistory', async ({ itemKey, ...place }) => {
      const catalog = use('item-history');
      const items = await catalog.history(shelfIdOf(place.repositoryId, place.mailboxKey), itemKey);
      return { items, behind: await behindOf(catalog, place) };
    }),
    serveQuestion(
      messaging,
      pool,
      'catalogStatus',
      async ({ organizationIds, repositoryIds, limit, after }) => {
        const catalog = use('catalog-status');
        const scope = {
          ...(organizationIds === undefined ? {} : { organizationIds }),
          ...(repositoryIds === undefined ? {} : { repositoryIds }),
        };
        const { items, next } = await catalog.status(scope, after, limit);
        return {
          items: items.map(({ shelf, indexedPoints, behind, newest }) => ({
            ...shelf,
            indexedPoints,
            behind,
            ...(newest === undefined ? {} : { newest }),
          })),
          ...(next === undefined ? {} : { next }),
          behind: await catalog.behind(scope),
        };
      },
    ),
    serveQuestion(messaging, pool, 'rebuildCatalog', async ({ repositoryId, mailboxKey }) => {
      const catalog = use('rebuild-catalog');
      return withRepository(deps, repositoryId, async (repository) => {
        const keys = new Map<string, string>();
        const filter = mailboxKey === undefined ? {} : { mailboxKey };
        for await (const point of repository.points({ ...filter, kinds: ['full'] })) {
          keys.set(point.mailboxKey, point.name);
        }
        const check = { since: deps.clock.now(), rebuild: true };
        for (const [key, name] of keys) {
          const owner = ownerOf(await repository.readPoint(name));
          await catalog.expectCheck({ repositoryId, mailboxKey: key, ...owner }, check);
        }
        return { mailboxes: keys.size };
      });
    }),
  ];
}

interface Shelved {
  repositoryId: string;
  mailboxKey: string;
  folderId: string;
}

async function withRepository<T>(
  deps: Pick<ExplorerDeps, 'repository' | 'points'>,
  id: string,
  answer: (repository: Repository) => Promise<T>,
): Promise<T> {
  const record = await deps.repository(id);
  if (record === undefined) throw noRepository(id);
  const { repository, release } = await deps.points.useRepository(record);
  try {
    return await answer(repository);
  } finally {
    await release();
  }
}

const listsOf = (repository: Repository): RepositoryLists => ({
  points: (filter) => repository.points(filter),
  manifest: (name) => repository.readPoint(name),
  ownerOf,
});

function repositoryQuestions(deps: ExplorerDeps): Promise<Running>[] {
  const { messaging, pool, metrics } = deps;
  const lists = <T>(
    question: string,
    id: string,
    answer: (lists: RepositoryLists) => Promise<T>,
  ): Promise<T> => {
    metrics.questions.inc({ question });
    return withRepository(deps, id, (repository) => answer(listsOf(repository)));
  };
  return [
    serveQuestion(messaging, pool, 'repositoryMailboxes', ({ repositoryId, ...page }) =>
      lists('repository-mailboxes', repositoryId, (repository) => exploreMailboxes(repository, page)),
    ),
    serveQuestion(messaging, pool, 'repositoryPoints', ({ repositoryId, ...request }) =>
      lists('repository-points', repositoryId, (repository) =>
        exploreTimeline(repository, repositoryId, request),
      ),
    ),
    serveQuestion(messaging, pool, 'findPoint', ({ repositoryId, pointId }) =>
      lists('find-point', repositoryId, async (repository) => {
        const point = await findPoint(repository, repositoryId, pointId);
        return point === undefined ? {} : { point };
      }),
    ),
    serveQuestion(messaging, pool, 'mailboxKeyOf', ({ repositoryId, mailboxIdentity }) =>
      withRepository(deps, repositoryId, async (repository) => ({
        mailboxKey: repository.mailboxKey(mailboxIdentity),
      })),
    ),
  ];
}

async function previewQuestions(deps: ExplorerDeps): Promise<Running> {
  const { messaging, pool, metrics } = deps;
  const slices = createContentSlices(sliceBytes, openReaders);
  // Finding an item reads its folder: it is remembered for the slices and the preview that follow.
  const found = new Map<string, Promise<PointItem>>();

  async function withItem<T>(
    question: string,
    place: PlaceOfItem,
    answer: (entry: PointItem, stored: StoredItem) => Promise<T>,
  ): Promise<T> {
    metrics.questions.inc({ question });
    const record = await deps.repository(place.repositoryId);
    if (record === undefined) throw noRepository(place.repositoryId);
    const { contents, release } = await deps.points.use(record, place.pointName);
    try {
      const name = JSON.stringify([place.repositoryId, place.pointName, place.folderId, place.itemKey]);
      const entry = found.get(name) ?? findItem(contents, place.folderId, place.itemKey);
      found.delete(name);
      found.set(name, entry);
      entry.catch(() => found.delete(name));
      const [oldest] = found.keys();
      if (found.size > rememberedItems && oldest !== undefined) found.delete(oldest);
      const item = await entry;
      return await answer(item, await contents.read(item.objectId));
    } finally {
      await release();
    }
  }

  const serving = await Promise.all([
    serveQuestion(messaging, pool, 'previewItem', (place) =>
      withItem('preview', place, (entry, stored) => previewItem(place.folderId, entry, stored)),
    ),
    serveQuestion(messaging, pool, 'itemContent', ({ content, offset, ...place }) =>
      withItem('content', place, async (_, stored) => {
        const id = JSON.stringify([
          place.repositoryId,
          place.pointName,
          place.folderId,
          place.itemKey,
          content,
        ]);
        if (content.kind === 'html') {
          const { bytes, end } = await slices.slice(id, async () => one(await previewHtml(stored)), offset);
          return { data: bytes.toString('base64'), end };
        }
        const attachment = offset === 0 ? await attachmentOf(stored, content.path) : undefined;
        const open = async () => (attachment ?? (await attachmentOf(stored, content.path))).open();
        const { bytes, end } = await slices.slice(id, open, offset);
        const { open: _open, ...facts } = attachment ?? { open: undefined };
        return {
          data: bytes.toString('base64'),
          end,
          ...(attachment === undefined ? {} : { attachment: facts as Omit<typeof attachment, 'open'> }),
        };
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

const rememberedItems = 256;
const structureLimits = { messageBytes: 16 * 1024 * 1024, textBytes: 0, headerBytes: 0, parts: 500 };
const noParts = { header: '', texts: [], attachments: [], cut: [] };

/** The attachment with its bytes. @throws HoldfastError when it is not there, or its bytes are not */
async function attachmentOf(stored: StoredItem, path: string) {
  const parts =
    stored.mime === undefined ? noParts : await readMessageParts(stored.mime.open(), structureLimits);
  const attachment = attachmentsOf(stored, parts).find((one) => one.path === path);
  if (attachment === undefined) {
    throw new HoldfastError('attachment-not-found', 'permanent-item', 'The item has no such attachment.', {
      remedy: 'Take the path from the preview of the item.',
    });
  }
  const { open } = attachment;
  if (open === undefined) {
    const why = attachment.missing ?? 'Its bytes are not in the stored item.';
    throw new HoldfastError('attachment-not-stored', 'permanent-item', why);
  }
  return { ...attachment, open };
}

async function* one(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text, 'utf8');
}

const catalogOff = (): HoldfastError =>
  new HoldfastError('catalog-off', 'configuration', 'The catalog is switched off.', {
    remedy: 'Browse a restore point folder by folder, or set HOLDFAST_CATALOG on the restore workers.',
  });

const noRepository = (id: string): HoldfastError =>
  new HoldfastError('repository-not-found', 'configuration', `There is no repository ${id}.`, {
    remedy: 'Attach the repository, then ask again.',
  });
