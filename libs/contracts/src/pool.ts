import { z } from 'zod';
import { idSchema } from './ids.ts';

const ids = z.array(idSchema).max(1_000, 'must be at most 1000').optional();

/** What a user sets of a pool. */
export const poolInputSchema = z.strictObject({
  description: z.string().max(500, 'must be at most 500 characters').default(''),
  /** Organizations that it serves; all when absent. */
  organizationIds: ids,
  /** Repositories that it serves; all when absent. */
  repositoryIds: ids,
});
export type PoolInput = z.infer<typeof poolInputSchema>;

/**
 * A pool of proxies and what it serves. Proxies join by their setting HOLDFAST_POOL; a pool without a document serves
 * everything.
 */
export const poolSchema = z.object({ ...poolInputSchema.shape, id: idSchema, createdAt: z.iso.datetime() });
export type Pool = z.infer<typeof poolSchema>;

/** What a pool does not serve of a job. */
export interface PoolRefusal {
  what: 'organization' | 'repository';
  id: string;
}

/** What keeps a pool from serving a job with these repositories; empty when it can. */
export function poolRefusals(
  pool: Pick<Pool, 'organizationIds' | 'repositoryIds'> | undefined,
  job: { organizationId: string; repositoryIds: readonly string[] },
): PoolRefusal[] {
  const refusals: PoolRefusal[] = [];
  const { organizationIds, repositoryIds } = pool ?? {};
  if (organizationIds !== undefined && !organizationIds.includes(job.organizationId)) {
    refusals.push({ what: 'organization', id: job.organizationId });
  }
  for (const id of repositoryIds === undefined ? [] : new Set(job.repositoryIds)) {
    if (repositoryIds?.includes(id) === false) refusals.push({ what: 'repository', id });
  }
  return refusals;
}

/** All repositories that a job writes to, the default one first. */
export function repositoriesOf(job: {
  repositoryId: string;
  destinations?: readonly { repositoryId: string }[] | undefined;
}): string[] {
  return [
    ...new Set([job.repositoryId, ...(job.destinations ?? []).map(({ repositoryId }) => repositoryId)]),
  ];
}
