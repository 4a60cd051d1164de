import {
  type Asked,
  HoldfastError,
  type Mailbox,
  type Organization,
  type RepositoryRecord,
} from '@holdfast/contracts';
import type { ConnectorCache } from '@holdfast/exchange';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { Repository } from '@holdfast/repository';
import type { Clock } from '@holdfast/runtime';
import type { Collection } from '@holdfast/store';
import { hasRecoverable, liveSides, pointSides } from '../adapters/comparisonSides.ts';
import type { PointHub } from '../adapters/pointHub.ts';
import { type ComparedMailbox, compareMailbox, comparisonPage } from '../domain/compareMailbox.ts';
import type { RestoreMetrics } from '../metrics.ts';

export interface ComparisonDeps {
  messaging: Messaging;
  pool: string;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  organization: (id: string) => Promise<Organization | undefined>;
  mailboxes: Collection<Mailbox>;
  useConnector: ConnectorCache['use'];
  points: PointHub;
  metrics: RestoreMetrics;
  clock: Clock;
}

type Compared = ComparedMailbox & { at: number };
type Asking = Asked<'comparePoint'>;

/** Comparisons whose pages are still asked for; some MB each. */
const kept = 4;
/** Pages of a comparison with the live mailbox are of one reading for so long. */
const keptMs = 15 * 60_000;

/** Answers what is different between a restore point and another one, or the mailbox as it is now. */
export async function answerComparison(deps: ComparisonDeps): Promise<Running> {
  const { messaging, pool, metrics, clock } = deps;
  const known = new Map<string, { at: number; compared: Promise<Compared> }>();
  const stopping = new AbortController();

  function comparedOf(request: Asking): Promise<Compared> {
    const { repositoryId, pointName, with: other } = request;
    const name = JSON.stringify([repositoryId, pointName, other]);
    const found = known.get(name);
    known.delete(name);
    // The first page is always of now; the pages behind it are of the same reading.
    const isLive = other.kind === 'live';
    const fresh = found !== undefined && clock.now() - found.at < keptMs;
    const usable = found !== undefined && fresh && (!isLive || request.after !== undefined);
    const entry = usable ? found : { at: clock.now(), compared: compare(deps, request, stopping.signal) };
    known.set(name, entry);
    entry.compared.catch(() => known.delete(name));
    const [oldest] = known.keys();
    if (known.size > kept && oldest !== undefined) known.delete(oldest);
    return entry.compared;
  }

  const serving = await serveQuestion(messaging, pool, 'comparePoint', async (request) => {
    metrics.questions.inc({ question: 'compare' });
    return comparisonPage(await comparedOf(request), request);
  });
  return {
    async stop() {
      stopping.abort();
      await serving.stop();
    },
  };
}

async function compare(deps: ComparisonDeps, request: Asking, signal: AbortSignal): Promise<Compared> {
  const record = await deps.repository(request.repositoryId);
  if (record === undefined) {
    const message = `There is no repository ${request.repositoryId}.`;
    throw new HoldfastError('repository-not-found', 'configuration', message);
  }
  const at = deps.clock.now();
  const { repository, release } = await deps.points.useRepository(record);
  try {
    const { with: other, pointName } = request;
    if (other.kind === 'live')
      return { ...(await compareLive(deps, repository, request, other, signal)), at };
    // The earlier one is what the later one is told from.
    const [first, second] = [pointName, other.pointName].sort() as [string, string];
    return { ...(await compareMailbox(await pointSides(repository, first, second))), at };
  } finally {
    await release();
  }
}

async function compareLive(
  deps: ComparisonDeps,
  repository: Repository,
  { pointName }: Asking,
  { organizationId, mailboxId }: Extract<Asking['with'], { kind: 'live' }>,
  signal: AbortSignal,
): Promise<ComparedMailbox> {
  const organization = await deps.organization(organizationId);
  const mailbox = (await deps.mailboxes.get(mailboxId))?.doc;
  if (organization === undefined || mailbox === undefined || mailbox.status === 'gone') {
    throw new HoldfastError(
      'mailbox-gone',
      'permanent-mailbox',
      'The mailbox is not in the directory any more.',
      {
        remedy: 'Compare the restore point with another one.',
      },
    );
  }
  const { connector, release } = deps.useConnector(organization);
  try {
    const ref = { userId: mailbox.userId, address: mailbox.address };
    const recoverable = await hasRecoverable(repository, pointName);
    const reader = await connector.reader(ref, { signal, recoverable });
    try {
      return await compareMailbox(await liveSides(repository, pointName, reader));
    } finally {
      await reader.close();
    }
  } finally {
    await release();
  }
}
