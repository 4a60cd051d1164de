import {
  classOf,
  errorFacts,
  type FieldProblem,
  InvalidInput,
  type JobInput,
  poolRefusals,
  repositoriesOf,
  scriptPhases,
} from '@holdfast/contracts';
import { namedGroups } from '@holdfast/scheduling';
import { z } from 'zod';
import { duplicates } from '../domain/duplicates.ts';
import type { ApiPorts } from '../ports.ts';

/** Something about a job that is no mistake, and that whoever saves it should know. */
export const jobWarningSchema = z.object({
  code: z.string(),
  message: z.string(),
  /** The field it is about. */
  field: z.string().optional(),
  /** The mailboxes it is about: how many, and the first hundred by address. */
  mailboxes: z.object({ count: z.number().int(), addresses: z.array(z.string()) }).optional(),
});
export type JobWarning = z.infer<typeof jobWarningSchema>;

type Input = Pick<
  JobInput,
  | 'organizationId'
  | 'repositoryId'
  | 'sources'
  | 'exclude'
  | 'destinations'
  | 'pool'
  | 'scripts'
  | 'retention'
>;

const groupsTimeoutMs = 30_000;
const scriptsTimeoutMs = 5_000;

/**
 * Refuses a job that names what is not there or does not go together, each field by name; answers what could not be
 * looked at now. @throws InvalidInput
 */
export async function checkJob(ports: ApiPorts, input: Input): Promise<JobWarning[]> {
  const problems = [...(await referenceProblems(ports, input)), ...duplicatesIn(input), ...agesOf(input)];
  const warnings: JobWarning[] = [];
  // Groups are looked up in the organization, so that has to be there.
  if (problems.length === 0) {
    for (const found of [await checkGroups(ports, input), await checkScripts(ports, input)]) {
      problems.push(...found.problems);
      warnings.push(...found.warnings);
    }
  }
  if (problems.length > 0) throw new InvalidInput(problems);
  return warnings;
}

async function referenceProblems(ports: ApiPorts, input: Input): Promise<FieldProblem[]> {
  const { organizations, repositories } = ports.collections;
  const problems: FieldProblem[] = [];
  if ((await organizations.get(input.organizationId)) === undefined) {
    problems.push({ field: 'organizationId', message: 'there is no organization with this id' });
  }
  const named = [
    { field: 'repositoryId', id: input.repositoryId },
    ...input.destinations.map(({ repositoryId: id }, at) => ({
      field: `destinations[${at}].repositoryId`,
      id,
    })),
  ];
  for (const { field, id } of named) {
    if ((await repositories.get(id)) === undefined) {
      problems.push({ field, message: 'there is no repository with this id' });
    }
  }
  return [...problems, ...(await poolProblems(ports, input))];
}

async function poolProblems(ports: ApiPorts, input: Input): Promise<FieldProblem[]> {
  const { pools, proxies } = ports.collections;
  const pool = (await pools.get(input.pool))?.doc;
  if (pool === undefined) {
    const isKnown =
      input.pool === ports.pool ||
      input.pool === 'default' ||
      (await proxies.find({ where: { pool: input.pool }, limit: 1 })).items.length > 0;
    if (isKnown) return [];
    const message = `there is no pool "${input.pool}": add it (holdfast pool set ${input.pool}), or start a proxy with HOLDFAST_POOL=${input.pool}`;
    return [{ field: 'pool', message }];
  }
  const refusals = poolRefusals(pool, {
    organizationId: input.organizationId,
    repositoryIds: repositoriesOf(input),
  });
  return refusals.map(({ what, id }) => ({
    field: 'pool',
    message: `the pool "${pool.id}" does not serve the ${what} ${id}: assign it to the pool (holdfast pool set ${pool.id}), or choose another pool`,
  }));
}

function duplicatesIn({ sources, exclude, destinations }: Input): FieldProblem[] {
  return [
    ...duplicates('sources', sources),
    ...duplicates('exclude.mailboxes', exclude.mailboxes),
    ...duplicates('exclude.groups', exclude.groups),
    ...duplicates('exclude.rules', exclude.rules),
    ...duplicates('exclude.folders', exclude.folders),
    ...destinations.flatMap(({ match }, at) => duplicates(`destinations[${at}].match`, match)),
  ];
}

/** Whether an item is too old is told by one time of it. */
function agesOf({ exclude, retention: { itemAge } }: Input): FieldProblem[] {
  if (exclude.itemAge === undefined || itemAge === undefined || exclude.itemAge.by === itemAge.by) return [];
  const message = `must be "${itemAge.by}", as in the item age of the retention`;
  return [{ field: 'exclude.itemAge.by', message }];
}

interface Found {
  problems: FieldProblem[];
  warnings: JobWarning[];
}

async function checkGroups(ports: ApiPorts, input: Input): Promise<Found> {
  const named = namedGroups(input);
  if (named.length === 0) return { problems: [], warnings: [] };
  const groupIds = [...new Set(named.map(({ group }) => group.groupId))];
  try {
    const { organizationId, pool } = input;
    const question = { organizationId, groupIds };
    const answer = await ports.ask('readGroups', question, { timeoutMs: groupsTimeoutMs, pool });
    const unknown = new Set(answer.unknownGroups);
    const problems = named
      .filter(({ group }) => unknown.has(group.groupId))
      .map(({ field }) => ({ field, message: 'the directory has no group with this id' }));
    return { problems, warnings: [] };
  } catch (error) {
    return { problems: [], warnings: [notLookedAt('groups-not-checked', 'the groups of the job', error)] };
  }
}

async function checkScripts(ports: ApiPorts, { scripts }: Input): Promise<Found> {
  const given = scriptPhases.flatMap((phase) => {
    const script = scripts[phase];
    return script === undefined ? [] : [{ phase, script }];
  });
  if (given.length === 0) return { problems: [], warnings: [] };
  try {
    const question = { scripts: given.map(({ script }) => script) };
    // Scripts run on the machine of the scheduler that leads, whatever the pool of the job.
    const { problems } = await ports.ask('checkScripts', question, {
      timeoutMs: scriptsTimeoutMs,
      pool: 'default',
    });
    return {
      problems: given.flatMap(({ phase }, at) =>
        (problems[at] ?? []).map(({ field, message }) => ({ field: `scripts.${phase}.${field}`, message })),
      ),
      warnings: [],
    };
  } catch (error) {
    return { problems: [], warnings: [notLookedAt('scripts-not-checked', 'the scripts of the job', error)] };
  }
}

/** Nobody there, or the directory in trouble: saving goes on, the next run looks again. A defect of ours is none. */
export function notLookedAt(code: string, what: string, error: unknown): JobWarning {
  if (classOf(error) === 'ours') throw error;
  return {
    code,
    message: `${what} could not be looked at now (${errorFacts(error).message}); the next run does`,
  };
}
