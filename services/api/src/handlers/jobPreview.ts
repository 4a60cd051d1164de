import { idSchema, type Job, jobInputSchema, mailboxSchema, outReasons } from '@holdfast/contracts';
import { type Scope, scopeNeeds } from '@holdfast/scheduling';
import { z } from 'zod';
import { decodeCursor, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { checkJob, type JobWarning, jobWarningSchema, notLookedAt } from './jobChecks.ts';
import { chainsOf, directoryOf, type KnownDirectory, movesOf, moveWarnings, scopeOf } from './jobScope.ts';
import { lookUp } from './lookUp.ts';

const refreshTimeoutMs = 300_000;

/** A mailbox of a preview, or a name in the job that stands for nobody. */
export const previewItemSchema = z.object({
  mailboxId: idSchema,
  address: z.string(),
  displayName: z.string().optional(),
  kind: mailboxSchema.shape.kind.optional(),
  department: z.string().optional(),
  /** `error`: the run will have it as a failed mailbox, with the reason. */
  status: z.enum(['in', 'out', 'error']),
  /** Why it is out. */
  reason: z.enum(outReasons).optional(),
  /** Excluded for all jobs, by the settings. */
  global: z.boolean().optional(),
  /** Places of the source that brings it in and of the destination it goes to. */
  source: z.number().int().optional(),
  destination: z.number().int().optional(),
  repositoryId: idSchema.optional(),
  repositoryName: z.string().optional(),
  /** It has no restore point in that repository yet: the next run reads all of it. */
  fullBackup: z.boolean().optional(),
  message: z.string().optional(),
  remedy: z.string().optional(),
});

/** Who is in a job and who is not. */
export const previewSchema = z.object({
  totals: z.object({ in: z.number().int(), out: z.number().int(), error: z.number().int() }),
  warnings: z.array(jobWarningSchema),
  items: z.array(previewItemSchema),
  next: z.string().optional(),
});

/** A job as it is being made: a name is not needed yet. */
export const previewInputSchema = jobInputSchema.partial({ name: true });

const query = z.strictObject({
  ...pageQuery,
  show: z.enum(['in', 'out', 'error', 'all']).default('all').meta({ description: 'Only these.' }),
  search: z.string().max(200).optional().meta({ description: 'Parts of the address or of the name.' }),
  refresh: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Read the directory anew before, as a run does.' }),
});
type Query = z.output<typeof query>;
type PreviewJob = Pick<
  Job,
  'organizationId' | 'repositoryId' | 'sources' | 'exclude' | 'destinations' | 'pool'
>;

/** Has the directory read as far as the preview needs it; what cannot be read is a warning. */
async function readDirectory(
  ports: ApiPorts,
  job: PreviewJob,
  asked: boolean,
): Promise<{ known: KnownDirectory; warnings: JobWarning[] }> {
  const global = (await ports.collections.settings.get('global'))?.doc.exclude;
  const needs = scopeNeeds({ ...job, global });
  const known = await directoryOf(ports, job.organizationId);
  const lacks =
    known.mailboxes.length === 0 ||
    (needs.kinds && known.mailboxes.some(({ kind, kindAt }) => kind === 'unknown' && kindAt === undefined));
  if (!asked && !lacks && needs.groupIds.length === 0) return { known, warnings: [] };
  try {
    const { organizationId, pool } = job;
    const { groupIds } = needs;
    if (asked || lacks) {
      const question = { organizationId, groupIds, kinds: needs.kinds };
      await ports.ask('refreshInventory', question, { timeoutMs: refreshTimeoutMs, pool });
    } else await ports.ask('readGroups', { organizationId, groupIds }, { timeoutMs: refreshTimeoutMs, pool });
    return { known: await directoryOf(ports, organizationId), warnings: [] };
  } catch (error) {
    return { known, warnings: [notLookedAt('directory-not-read', 'the directory', error)] };
  }
}

type Item = z.infer<typeof previewItemSchema>;

function itemsOf(scope: Scope, known: KnownDirectory): Item[] {
  const byId = new Map(known.mailboxes.map((mailbox) => [mailbox.id, mailbox]));
  const facts = (mailboxId: string, address: string) => {
    const { displayName, kind, department } = byId.get(mailboxId) ?? {};
    return { mailboxId, address, displayName, kind, department };
  };
  return [
    ...scope.entries.map(({ mailboxId, mailboxAddress, repositoryId, source, destination, error }): Item => {
      const place = { ...facts(mailboxId, mailboxAddress), source, destination };
      if (error === undefined) return { ...place, status: 'in', repositoryId };
      return { ...place, status: 'error', message: error.message, remedy: error.remedy };
    }),
    ...scope.out.map(
      ({ mailboxId, mailboxAddress, reason, global }): Item => ({
        ...facts(mailboxId, mailboxAddress),
        ...{ status: 'out', reason, global },
      }),
    ),
  ];
}

function matching(items: Item[], { show, search }: Query): Item[] {
  const words = (search ?? '')
    .normalize('NFKC')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return items.filter(({ status, address, displayName }) => {
    if (show !== 'all' && show !== status) return false;
    const text = `${address} ${displayName ?? ''}`.normalize('NFKC').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

async function preview(ports: ApiPorts, job: PreviewJob, asked: Query, warnings: JobWarning[]) {
  const read = await readDirectory(ports, job, asked.refresh === 'true');
  const scope = await scopeOf(ports, job, read.known);
  const items = itemsOf(scope, read.known);
  const count = (status: Item['status']) => items.filter((item) => item.status === status).length;
  const chains = await chainsOf(
    ports,
    scope.entries.map(({ mailboxId }) => mailboxId),
  );
  const found = matching(items, asked);
  const [from] =
    asked.after === undefined ? [0] : decodeCursor(z.tuple([z.number().int().min(0)]), asked.after);
  const page = found.slice(from, from + asked.limit);
  const names = new Map<string, string | undefined>();
  for (const { repositoryId } of page) {
    if (repositoryId === undefined || names.has(repositoryId)) continue;
    names.set(repositoryId, (await ports.collections.repositories.get(repositoryId))?.doc.name);
  }
  return {
    totals: { in: count('in'), out: count('out'), error: count('error') },
    warnings: [...warnings, ...read.warnings, ...moveWarnings(movesOf(scope.entries, chains))],
    items: page.map((item) => {
      const { repositoryId, mailboxId } = item;
      if (repositoryId === undefined) return item;
      const fullBackup = chains.get(mailboxId)?.has(repositoryId) !== true;
      return { ...item, repositoryName: names.get(repositoryId), fullBackup };
    }),
    ...(from + asked.limit < found.length ? { next: encodeCursor(from + asked.limit) } : {}),
  };
}

const ofDraft = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/jobs/preview',
    operationId: 'previewJob',
    tag: 'jobs',
    summary: 'Show who would be in a job that is not saved, who not and why, and where each would go',
    query,
    body: previewInputSchema,
    responses: {
      200: { description: 'In the order of processing, then those who are out', schema: previewSchema },
    },
    async handler({ body, query: asked }) {
      return { body: await preview(ports, body, asked, await checkJob(ports, body)) };
    },
  });

const ofJob = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs/{jobId}/preview',
    operationId: 'previewSavedJob',
    tag: 'jobs',
    summary: 'Show who is in a job, who is not and why, and where each goes',
    params: z.object({ jobId: idSchema }),
    query,
    responses: {
      200: { description: 'In the order of processing, then those who are out', schema: previewSchema },
    },
    async handler({ params: { jobId }, query: asked }) {
      const { doc } = await lookUp(ports.collections.jobs, 'job', jobId);
      return { body: await preview(ports, doc, asked, []) };
    },
  });

export const jobPreviewRoutes = (ports: ApiPorts): Route[] => [ofDraft, ofJob].map((make) => make(ports));
