import type { Mailbox, RestorePointRecord, Run } from '@holdfast/contracts';
import { type Client, step } from './client.ts';
import { ApiRefused, UsageError } from './errors.ts';

export interface Named {
  id: string;
  name: string;
}

type NamedKind = 'organization' | 'repository' | 'job';

const listOf: Record<NamedKind, string> = {
  organization: '/organizations',
  repository: '/repositories',
  job: '/jobs',
};

const sameText = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Finds a thing by its id or its name; the only one there is when nothing is given. @throws UsageError */
export async function resolveNamed<T extends Named>(
  client: Client,
  kind: NamedKind,
  given: string | undefined,
): Promise<T> {
  const all: T[] = [];
  for await (const entry of client.each<T>(listOf[kind])) {
    if (entry.id === given || entry.name === given) return entry;
    all.push(entry);
  }
  if (given === undefined) {
    const [only, ...others] = all;
    if (only !== undefined && others.length === 0) return only;
    const names = all
      .slice(0, 10)
      .map(({ name }) => `"${name}"`)
      .join(', ');
    throw new UsageError(
      `name the ${kind}`,
      all.length === 0 ? `There is no ${kind} yet.` : `There are ${names}.`,
    );
  }
  const alike = all.filter(({ name }) => sameText(name, given));
  const [only, ...others] = alike;
  if (only !== undefined && others.length === 0) return only;
  throw new UsageError(
    others.length > 0 ? `several are named like "${given}"` : `there is no ${kind} "${given}"`,
    `See: holdfast ${kind === 'organization' ? 'org' : kind === 'repository' ? 'repo' : kind} list`,
  );
}

async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiRefused && [404, 422].includes(error.problem.status)) return undefined;
    throw error;
  }
}

/** Finds a mailbox by id or address, in one organization or in all. @throws UsageError */
export async function resolveMailbox(
  client: Client,
  given: string,
  organization: string | undefined,
): Promise<Mailbox> {
  const byId = given.includes('@')
    ? undefined
    : await found(client.get<Mailbox>(`/mailboxes/${step(given)}`));
  if (byId !== undefined) return byId;
  const organizations: Named[] = [];
  if (organization !== undefined) {
    organizations.push(await resolveNamed(client, 'organization', organization));
  } else {
    for await (const entry of client.each<Named>('/organizations')) organizations.push(entry);
  }
  const matches: Mailbox[] = [];
  for (const { id } of organizations) {
    const words = { search: given };
    for await (const mailbox of client.each<Mailbox>(`/organizations/${step(id)}/mailboxes`, words)) {
      if (sameText(mailbox.address, given)) matches.push(mailbox);
    }
  }
  const [only, ...others] = matches;
  if (only === undefined) {
    throw new UsageError(
      `there is no mailbox "${given}"`,
      'Refresh the inventory if it is new: holdfast org refresh NAME',
    );
  }
  if (others.length > 0)
    throw new UsageError(`several organizations have "${given}"`, 'Name one with --org.');
  return only;
}

/** Finds a run: its id, `<job>#<number>`, or a job for its newest run. @throws UsageError */
export async function resolveRun(client: Client, given: string): Promise<Run> {
  const byId = await found(client.get<Run>(`/runs/${step(given)}`));
  if (byId !== undefined) return byId;
  const [, jobName = given, number] = /^(.*)#(\d+)$/.exec(given) ?? [];
  const job = await resolveNamed(client, 'job', jobName);
  for await (const run of client.each<Run>(`/jobs/${step(job.id)}/runs`)) {
    if (number === undefined || run.number === Number(number)) return run;
  }
  throw new UsageError(`there is no such run of job "${job.name}"`, 'See: holdfast run list');
}

/** Finds a restore point: its id, or a mailbox for its newest complete one. @throws UsageError */
export async function resolvePoint(
  client: Client,
  given: string,
  options: { organization?: string | undefined; repository?: string | undefined },
): Promise<RestorePointRecord> {
  const byId = given.includes('@')
    ? undefined
    : await found(client.get<RestorePointRecord>(`/restore-points/${step(given)}`));
  if (byId !== undefined) return byId;
  const mailbox = await resolveMailbox(client, given, options.organization);
  const repositoryId =
    options.repository === undefined
      ? undefined
      : (await resolveNamed(client, 'repository', options.repository)).id;
  const path = `/mailboxes/${step(mailbox.id)}/restore-points`;
  for await (const point of client.each<RestorePointRecord>(path, { repositoryId })) {
    if (point.kind === 'full') return point;
  }
  throw new UsageError(`${mailbox.address} has no complete restore point`, 'Run its job first.');
}
