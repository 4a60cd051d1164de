import { idSchema, type Job, type Mailbox, mailboxSchema } from '@holdfast/contracts';
import { all } from '@holdfast/store';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { directoryOf, scopeOf } from './jobScope.ts';
import { lookUp } from './lookUp.ts';

export const coverageItemSchema = z.object({
  mailboxId: idSchema,
  address: z.string(),
  displayName: z.string(),
  kind: mailboxSchema.shape.kind,
  /** Enabled jobs that back it up. */
  jobs: z.array(z.string()),
  /** Jobs that would, and are disabled. */
  disabledJobs: z.array(z.string()),
});

/** Which mailboxes of an organization jobs back up, and which none does. */
export const coverageSchema = z.object({
  totals: z.object({
    mailboxes: z.number().int(),
    covered: z.number().int(),
    /** In no enabled job. */
    uncovered: z.number().int(),
  }),
  items: z.array(coverageItemSchema),
  next: z.string().optional(),
});

const coverage = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/organizations/{organizationId}/coverage',
    operationId: 'organizationCoverage',
    tag: 'organizations',
    summary: 'Show which mailboxes no job backs up, by the last inventory',
    params: z.object({ organizationId: idSchema }),
    query: z.strictObject({
      ...pageQuery,
      show: z.enum(['uncovered', 'covered', 'all']).default('uncovered').meta({ description: 'Only these.' }),
    }),
    responses: { 200: { description: 'By address', schema: coverageSchema } },
    async handler({ params: { organizationId }, query: { limit, after, show } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const known = await directoryOf(ports, organizationId);
      const jobsOf = new Map<string, Job[]>();
      for await (const { doc: job } of all(ports.collections.jobs, {})) {
        if (job.organizationId !== organizationId) continue;
        const { entries } = await scopeOf(ports, job, known);
        for (const { mailboxId, error } of entries) {
          if (error === undefined) jobsOf.set(mailboxId, [...(jobsOf.get(mailboxId) ?? []), job]);
        }
      }
      const active = known.mailboxes.filter(({ status }) => status === 'active');
      const items = active.map((mailbox) => itemOf(mailbox, jobsOf.get(mailbox.id) ?? [])).sort(byAddress);
      const covered = items.filter(({ jobs }) => jobs.length > 0).length;
      const shown = items.filter(({ jobs }) => show === 'all' || jobs.length > 0 === (show === 'covered'));
      const [from] = after === undefined ? [0] : decodeCursor(z.tuple([z.number().int().min(0)]), after);
      return {
        body: {
          totals: { mailboxes: items.length, covered, uncovered: items.length - covered },
          items: shown.slice(from, from + limit),
          ...(from + limit < shown.length ? { next: encodeCursor(from + limit) } : {}),
        },
      };
    },
  });

const itemOf = ({ id, address, displayName, kind }: Mailbox, jobs: readonly Job[]) => ({
  mailboxId: id,
  address,
  displayName,
  kind,
  jobs: jobs.filter(({ enabled }) => enabled).map(({ name }) => name),
  disabledJobs: jobs.filter(({ enabled }) => !enabled).map(({ name }) => name),
});

const byAddress = (a: { address: string }, b: { address: string }): number =>
  a.address < b.address ? -1 : 1;

export const coverageRoutes = (ports: ApiPorts): Route[] => [coverage(ports)];
