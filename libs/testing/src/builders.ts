import {
  type EventData,
  type EventName,
  type HoldfastEvent,
  type Job,
  jobSchema,
  type Mailbox,
  mailboxIdOf,
  mailboxSchema,
  makeEvent,
  noRestoreProgress,
  type Organization,
  organizationSchema,
  type RepositoryRecord,
  type RestorePart,
  type RestoreSession,
  type Run,
  type RunTask,
  repositoryRecordSchema,
  restorePartIdOf,
  restorePartSchema,
  restoreSessionSchema,
  runSchema,
  runTaskSchema,
  taskIdOf,
  zeroTotals,
} from '@holdfast/contracts';

const at = '2026-01-01T00:00:00.000Z';
const noTasks = { total: 0, success: 0, warning: 0, failed: 0, stopped: 0 };

/** Valid documents for tests: each builder takes what the test is about and fills in the rest. */
export function buildOrganization(given: Partial<Organization> = {}): Organization {
  return organizationSchema.parse({
    id: 'org-1',
    name: 'Contoso',
    cloud: 'global',
    tenantId: 'contoso.example',
    clientId: 'client-1',
    credential: { kind: 'secret', sealedSecret: 'sealed:test' },
    createdAt: at,
    ...given,
  });
}

export function buildRepository(given: Partial<RepositoryRecord> = {}): RepositoryRecord {
  return repositoryRecordSchema.parse({
    id: 'repo-1',
    name: 'Main',
    backend: { kind: 'fs', path: '/srv/holdfast' },
    engineId: 'engine-1',
    sealedPassphrase: 'sealed:test',
    createdAt: at,
    ...given,
  });
}

export function buildMailbox(given: Partial<Mailbox> = {}): Mailbox {
  const { organizationId = 'org-1', userId = 'user-1' } = given;
  return mailboxSchema.parse({
    id: mailboxIdOf(organizationId, userId),
    organizationId,
    userId,
    address: `${userId}@contoso.example`,
    displayName: userId,
    kind: 'user',
    status: 'active',
    seenAt: at,
    ...given,
  });
}

export type JobGiven = Partial<Omit<Job, 'retention'>> & { retention?: Partial<Job['retention']> };

export function buildJob(given: JobGiven = {}): Job {
  return jobSchema.parse({
    id: 'job-1',
    name: 'All mailboxes',
    organizationId: 'org-1',
    repositoryId: 'repo-1',
    sources: [{ kind: 'organization' }],
    createdAt: at,
    ...given,
  });
}

export function buildRun(given: Partial<Run> = {}): Run {
  return runSchema.parse({
    id: 'run-1',
    jobId: 'job-1',
    jobName: 'All mailboxes',
    number: 1,
    organizationId: 'org-1',
    repositoryId: 'repo-1',
    pool: 'default',
    concurrency: 3,
    attempts: 3,
    state: 'requested',
    trigger: 'manual',
    requestedBy: 'tester',
    requestedAt: at,
    tasks: noTasks,
    totals: zeroTotals,
    ...given,
  });
}

export function buildRunTask(given: Partial<RunTask> = {}): RunTask {
  const { runId = 'run-1', mailboxId = 'mbx-1' } = given;
  return runTaskSchema.parse({
    id: taskIdOf(runId, mailboxId),
    runId,
    jobId: 'job-1',
    organizationId: 'org-1',
    repositoryId: 'repo-1',
    mailboxId,
    mailboxAddress: `${mailboxId}@contoso.example`,
    position: 0,
    state: 'queued',
    attempts: 0,
    ...given,
  });
}

export function buildRestoreSession(given: Partial<RestoreSession> = {}): RestoreSession {
  return restoreSessionSchema.parse({
    id: 'restore-1',
    state: 'requested',
    input: { repositoryId: 'repo-1', mailboxId: 'mbx-1' },
    organizationId: 'org-1',
    mailboxId: 'mbx-1',
    mailboxAddress: 'mbx-1@contoso.example',
    targetOrganizationId: 'org-1',
    targetAddress: 'mbx-1@contoso.example',
    pointId: 'point-1',
    pointName: 'point-1',
    pointTime: at,
    parts: 1,
    pool: 'default',
    requestedBy: 'tester',
    requestedAt: at,
    epoch: 0,
    progress: noRestoreProgress,
    ...given,
  });
}

/** The part of a session with one mailbox, or one of several. */
export function buildRestorePart(given: Partial<RestorePart> = {}): RestorePart {
  const { sessionId = 'restore-1', part = 0 } = given;
  return restorePartSchema.parse({
    id: restorePartIdOf(sessionId, part),
    sessionId,
    part,
    organizationId: 'org-1',
    repositoryId: 'repo-1',
    mailboxId: 'mbx-1',
    mailboxAddress: 'mbx-1@contoso.example',
    pointId: 'point-1',
    pointName: 'point-1',
    pointTime: at,
    targetOrganizationId: 'org-1',
    targetAddress: 'mbx-1@contoso.example',
    targetFolder: [],
    state: 'waiting',
    ...given,
  });
}

/** An event; `key` tells it from others of its name. */
export function buildEvent<N extends EventName>(
  name: N,
  data: EventData<N>,
  key = 'key-1',
): HoldfastEvent<N> {
  return makeEvent(name, { source: 'test', subject: key, key, time: at, data });
}
