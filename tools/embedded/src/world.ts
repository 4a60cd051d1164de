import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Organization, RepositoryRecord, Run, Verification } from '@holdfast/contracts';
import { type ApiClient, createApiClient } from './apiClient.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';
import { startTenant, type Tenant, type TenantOptions } from './tenant.ts';

/** A simulated tenant and a running Holdfast that trusts it. */
export interface World {
  readonly tenant: Tenant;
  readonly stack: Stack;
  readonly api: ApiClient;
  stop(): Promise<void>;
}

export interface WorldOptions {
  dataDir: string;
  natsServer: string;
  workers: number;
  tenant: TenantOptions;
  storeUrl?: string;
  env?: Record<string, string>;
  stack?: Partial<StackOptions>;
}

/** Name of the cloud record that leads to the simulated tenant. */
export const simulatedCloud = 'simulated';

/** Starts the tenant, then the stack with a cloud record and the certificate of the tenant. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const tenant = await startTenant(options.dataDir, options.tenant);
  try {
    const cloudsFile = join(options.dataDir, 'clouds.json');
    writeFileSync(cloudsFile, JSON.stringify([tenant.cloud(simulatedCloud)], null, 2));
    const stack = await startStack({
      dataDir: options.dataDir,
      natsServer: options.natsServer,
      natsPort: 0,
      apiPort: 0,
      apiHost: '127.0.0.1',
      workers: options.workers,
      ...(options.storeUrl === undefined ? {} : { storeUrl: options.storeUrl }),
      ...options.stack,
      env: { HOLDFAST_CLOUDS_FILE: cloudsFile, NODE_EXTRA_CA_CERTS: tenant.caFile, ...options.env },
    });
    const api = createApiClient(stack.apiUrl, stack.adminToken);
    return {
      tenant,
      stack,
      api,
      stop: async () => {
        await stack.stop();
        await tenant.close();
      },
    };
  } catch (error) {
    await tenant.close();
    throw error;
  }
}

/** Has every report sent to a mail server of this machine. */
export const useMailServer = (world: World, port: number): Promise<unknown> =>
  world.api.put('/settings', {
    mail: {
      host: '127.0.0.1',
      port,
      security: 'none',
      from: 'holdfast@example.com',
      recipients: ['admin@example.com'],
      on: ['success', 'warning', 'failed', 'stopped'],
    },
  });

/** Connects the tenant's organization, with a name of its own. */
export const addOrganization = (world: World, name = 'Contoso'): Promise<Organization> =>
  world.api.post<Organization>('/organizations', {
    name,
    cloud: simulatedCloud,
    tenantId: world.tenant.tenantId,
    clientId: world.tenant.clientId,
    clientSecret: world.tenant.clientSecret,
  });

export const verifyOrganization = (world: World, organizationId: string): Promise<Verification> =>
  world.api.post<Verification>(`/organizations/${organizationId}/verify`);

export const demoPassphrase = 'correct horse battery staple';

/** Makes a repository in a folder of the world. */
export const addRepository = (
  world: World,
  path: string,
  name = 'main',
): Promise<RepositoryRecord & { recoveryKey: string }> =>
  world.api.post('/repositories', {
    name,
    backend: { kind: 'fs', path },
    passphrase: demoPassphrase,
    mode: 'create',
  });

/** Adds a job over the whole organization; a mailbox that fails is not tried again after a pause, unless told so. */
export const addJob = (
  world: World,
  ids: { organizationId: string; repositoryId: string },
  more: { options?: object } & Record<string, unknown> = {},
): Promise<Job> =>
  world.api.post<Job>('/jobs', {
    ...{ name: 'everything', ...ids, sources: [{ kind: 'organization' }] },
    ...more,
    options: { retry: { times: 0 }, ...more.options },
  });

/** Starts a run and waits until it has ended; tells the state now and then. */
export async function runJob(
  world: World,
  jobId: string,
  onProgress: (run: Run) => void = () => undefined,
  pollMs = 200,
): Promise<Run> {
  const requested = await world.api.post<Run>(`/jobs/${jobId}/run`);
  return waitForRun(world, requested.id, onProgress, pollMs);
}

const ended = new Set<string>(['success', 'warning', 'failed', 'stopped', 'skipped']);

/** Waits until a run has ended. Calls that fail because the api is away are tried again for two minutes. */
export async function waitForRun(
  world: World,
  runId: string,
  onProgress: (run: Run) => void = () => undefined,
  pollMs = 200,
): Promise<Run> {
  let failures = 0;
  for (;;) {
    try {
      const run = await world.api.get<Run>(`/runs/${runId}`);
      failures = 0;
      onProgress(run);
      if (ended.has(run.state)) return run;
    } catch (error) {
      failures += 1;
      if (failures > 600) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** All pages of a list. */
export async function listAll<T>(world: World, path: string): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const separator = path.includes('?') ? '&' : '?';
    const query = `limit=1000${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
    const page = await world.api.get<{ items: T[]; next?: string }>(`${path}${separator}${query}`);
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined);
  return items;
}
