import type { Answered, Asked, Check, Organization, RepositoryRecord } from '@holdfast/contracts';
import { HoldfastError } from '@holdfast/contracts';
import type { ConnectorOpener, Directory, UsedConnector } from '@holdfast/exchange';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { Logger } from '@holdfast/runtime';
import { measureDisk } from '../adapters/measureDisk.ts';
import { type InventoryRows, refreshGroups, refreshInventory } from '../domain/inventory.ts';

export interface QuestionDeps {
  messaging: Messaging;
  pool: string;
  logger: Logger;
  organization: (id: string) => Promise<Organization | undefined>;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  /** The shared connector. */
  useConnector: (organization: Organization) => UsedConnector;
  /** A connector of its own, without tokens from before: for checks of a connection. */
  openConnector: ConnectorOpener;
  rows: InventoryRows;
  prepareRepository: (request: Asked<'prepareRepository'>) => Promise<Answered<'prepareRepository'>>;
  describeRepository: (request: Asked<'describeRepository'>) => Promise<Answered<'describeRepository'>>;
  now: () => number;
}

/** Answers the questions that the other services ask proxies. Errors travel as facts. */
export async function answerQuestions(deps: QuestionDeps): Promise<Running> {
  const { messaging, pool, logger } = deps;
  const organizationOf = async (id: string): Promise<Organization> => {
    const organization = await deps.organization(id);
    if (organization === undefined) throw noOrganization(id);
    return organization;
  };
  const withDirectory = async <T>(
    organizationId: string,
    work: (organization: Organization, directory: Directory) => Promise<T>,
  ): Promise<T> => {
    const organization = await organizationOf(organizationId);
    const { connector, release } = deps.useConnector(organization);
    try {
      return await work(organization, connector.directory);
    } finally {
      await release();
    }
  };
  const serving = await Promise.all([
    serveQuestion(messaging, pool, 'verifyOrganization', async ({ organizationId, probe }) => ({
      checks: await verifyOrganization(deps.openConnector, await organizationOf(organizationId), probe),
    })),
    serveQuestion(messaging, pool, 'refreshInventory', ({ organizationId, groupIds, kinds }) =>
      withDirectory(organizationId, async (organization, directory) => {
        const found = await refreshInventory({ ...deps, organization, groupIds, kinds, directory });
        logger.info({ organizationId, ...found }, 'inventory read');
        return found;
      }),
    ),
    serveQuestion(messaging, pool, 'readGroups', ({ organizationId, groupIds }) =>
      withDirectory(organizationId, (organization, directory) =>
        refreshGroups({ ...deps, organization, groupIds, directory }),
      ),
    ),
    serveQuestion(messaging, pool, 'findGroups', ({ organizationId, search, limit }) =>
      withDirectory(organizationId, async (_organization, directory) => ({
        groups: await directory.findGroups(search, limit),
      })),
    ),
    serveQuestion(messaging, pool, 'prepareRepository', (request) => deps.prepareRepository(request)),
    serveQuestion(messaging, pool, 'measureRepository', async ({ repositoryId }) => {
      const repository = await deps.repository(repositoryId);
      return repository === undefined ? {} : measureDisk(repository.backend);
    }),
    serveQuestion(messaging, pool, 'describeRepository', (request) => deps.describeRepository(request)),
  ]);
  return {
    async stop() {
      await Promise.all(serving.map((running) => running.stop()));
    },
  };
}

/** The checks of the connection; of both applications where restores have one of their own. */
async function verifyOrganization(
  open: ConnectorOpener,
  organization: Organization,
  mailboxes: number | undefined,
): Promise<Check[]> {
  const verifyAs = async (application: 'backup' | 'restore', role: 'both' | 'backup' | 'restore') => {
    const connector = open(organization, application);
    const { credential } =
      (application === 'restore' ? organization.restoreApplication : undefined) ?? organization;
    try {
      return await connector.directory.verify({ role, mailboxes, secretExpiresAt: credential.expiresAt });
    } finally {
      await connector.close();
    }
  };
  if (organization.restoreApplication === undefined) return verifyAs('backup', 'both');
  const checks: Check[] = [];
  for (const role of ['backup', 'restore'] as const) {
    for (const check of await verifyAs(role, role)) checks.push({ ...check, application: role });
  }
  return checks;
}

function noOrganization(id: string): HoldfastError {
  return new HoldfastError('organization-not-found', 'configuration', `There is no organization ${id}.`, {
    remedy: 'Add the organization, then ask again.',
  });
}
