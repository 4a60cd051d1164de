import { idSchema, newId, type RepositoryRecord, repositoryInputSchema } from '@holdfast/contracts';
import { recoverySheet } from '@holdfast/export';
import { AlreadyExists } from '@holdfast/store';
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { newRepositoryView, repositoryView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { exists, lookUp } from './lookUp.ts';

const tag = 'repositories';
// Opening derives a key from the passphrase with a deliberately slow function.
const prepareTimeoutMs = 60_000;

async function viewOf(ports: ApiPorts, record: RepositoryRecord) {
  const { sealedPassphrase: _sealed, ...rest } = record;
  return { ...rest, points: await ports.collections.restorePoints.count({ repositoryId: record.id }) };
}

/** Refuses a name or a place that another repository has. Repositories are few. */
async function requireFree(ports: ApiPorts, name: string, path: string): Promise<void> {
  if (await exists(ports.collections.repositories, { name })) {
    throw new Conflict('name-taken', `there is a repository named "${name}"`, 'Choose another name.');
  }
  let after: string | undefined;
  do {
    const page = await ports.collections.repositories.find({ limit: 1000, ...afterOf(after) });
    const same = page.items.find(({ doc }) => doc.backend.path === path);
    if (same !== undefined) {
      const message = `repository "${same.doc.name}" is in this place`;
      throw new Conflict('place-taken', message, 'Use that repository, or choose another place.');
    }
    after = page.next;
  } while (after !== undefined);
}

async function insert(ports: ApiPorts, record: RepositoryRecord): Promise<void> {
  try {
    await ports.collections.repositories.insert(record);
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
    throw new Conflict(
      'name-taken',
      `a repository named "${record.name}" was added at the same time; the new one at ${record.backend.path} is whole`,
      'Send the request again with another name and mode "attach".',
    );
  }
}

const add = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/repositories',
    operationId: 'addRepository',
    tag,
    summary: 'Make a repository, or attach one that exists',
    description: 'The recovery key of a new repository is in this answer and nowhere else: keep it.',
    body: repositoryInputSchema,
    responses: { 201: { description: 'Ready for jobs', schema: newRepositoryView } },
    async handler({ body: { name, backend, passphrase, mode } }) {
      await requireFree(ports, name, backend.path);
      const sealedPassphrase = ports.sealing.seal(passphrase, `repository:${backend.path}`);
      const question = { backend, sealedPassphrase, mode };
      const prepared = await ports.ask('prepareRepository', question, { timeoutMs: prepareTimeoutMs });
      const record: RepositoryRecord = {
        id: newId('repo'),
        name,
        backend,
        engineId: prepared.engineId,
        sealedPassphrase,
        createdAt: new Date(ports.clock.now()).toISOString(),
      };
      await insert(ports, record);
      const data = { repositoryId: record.id, name };
      await announce(ports, 'repository.attached', record.id, record.id, data);
      const recovery = prepared.recoveryKey === undefined ? {} : { recoveryKey: prepared.recoveryKey };
      return {
        body: { ...(await viewOf(ports, record)), ...recovery },
        headers: { location: `repositories/${record.id}` },
      };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories',
    operationId: 'listRepositories',
    tag,
    summary: 'List repositories by name',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(repositoryView) } },
    async handler({ query: { limit, after } }) {
      const sort = { field: 'name', order: 'asc' } as const;
      const page = await ports.collections.repositories.find({ sort, limit, ...afterOf(after) });
      const { items, ...rest } = listBody(page, (doc) => viewOf(ports, doc));
      return { body: { items: await Promise.all(items), ...rest } };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}',
    operationId: 'getRepository',
    tag,
    summary: 'Show a repository',
    params: z.object({ repositoryId: idSchema }),
    responses: { 200: { description: 'The repository', schema: repositoryView } },
    async handler({ params: { repositoryId } }) {
      const { doc } = await lookUp(ports.collections.repositories, 'repository', repositoryId);
      return { body: await viewOf(ports, doc) };
    },
  });

const sheet = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/repositories/{repositoryId}/recovery-sheet',
    operationId: 'getRecoverySheet',
    tag,
    summary: 'The page to print and keep where the machines are not',
    description: 'Where the repository is, which key slots open it, which commands read it. No secrets.',
    params: z.object({ repositoryId: idSchema }),
    responses: { 200: { description: 'The page as text', schema: z.object({ sheet: z.string() }) } },
    async handler({ params: { repositoryId } }) {
      const { doc } = await lookUp(ports.collections.repositories, 'repository', repositoryId);
      const { backend, name, sealedPassphrase } = doc;
      const question = { backend, sealedPassphrase };
      const facts = await ports.ask('describeRepository', question, { timeoutMs: prepareTimeoutMs });
      const where = { location: `folder ${backend.path}`, argument: backend.path };
      const printedAt = new Date(ports.clock.now()).toISOString();
      return {
        body: { sheet: recoverySheet({ ...facts, ...where, name, printedAt, version: ports.version }) },
      };
    },
  });

export const repositoryRoutes = (ports: ApiPorts): Route[] =>
  [add, list, get, sheet].map((make) => make(ports));
