import type { Answered, Asked, Organization } from '@holdfast/contracts';
import { HoldfastError } from '@holdfast/contracts';
import type { MailboxConnector } from '@holdfast/exchange';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { Logger } from '@holdfast/runtime';
import type { UsedConnector } from '../adapters/connectorCache.ts';
import { type InventoryRows, refreshInventory } from '../domain/inventory.ts';

export interface QuestionDeps {
  messaging: Messaging;
  pool: string;
  logger: Logger;
  organization: (id: string) => Promise<Organization | undefined>;
  /** The shared connector. */
  useConnector: (organization: Organization) => UsedConnector;
  /** A connector of its own, without tokens from before: for checks of a connection. */
  openConnector: (organization: Organization) => MailboxConnector;
  rows: InventoryRows;
  prepareRepository: (request: Asked<'prepareRepository'>) => Promise<Answered<'prepareRepository'>>;
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
  const serving = await Promise.all([
    serveQuestion(messaging, pool, 'verifyOrganization', async ({ organizationId }) => {
      const connector = deps.openConnector(await organizationOf(organizationId));
      try {
        return { checks: await connector.directory.verify() };
      } finally {
        await connector.close();
      }
    }),
    serveQuestion(messaging, pool, 'refreshInventory', async ({ organizationId, groupIds }) => {
      const organization = await organizationOf(organizationId);
      const { connector, release } = deps.useConnector(organization);
      try {
        const { directory } = connector;
        const found = await refreshInventory({ ...deps, organization, groupIds, directory });
        logger.info({ organizationId, ...found }, 'inventory read');
        return found;
      } finally {
        await release();
      }
    }),
    serveQuestion(messaging, pool, 'prepareRepository', (request) => deps.prepareRepository(request)),
  ]);
  return {
    async stop() {
      await Promise.all(serving.map((running) => running.stop()));
    },
  };
}

function noOrganization(id: string): HoldfastError {
  return new HoldfastError('organization-not-found', 'configuration', `There is no organization ${id}.`, {
    remedy: 'Add the organization, then ask again.',
  });
}
