import { z } from 'zod';
import { deterministicId, idSchema } from './ids.ts';
import { applicationRoles } from './organization.ts';
import { errorFactsSchema, terminalRunStates, totalsSchema } from './run.ts';
import { scriptPhases, scriptStates } from './script.ts';

const id = idSchema;
const outcome = z.enum(terminalRunStates);

/**
 * The data of each event type; all are facts in the past tense that carry ids. Fields may be added, never
 * changed: a breaking change is a new version in the type.
 */
export const eventData = {
  'run.requested': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    trigger: z.string(),
    requestedBy: z.string(),
    scheduleId: id.optional(),
    fireTime: z.iso.datetime().optional(),
    afterRunId: id.optional(),
    retryOf: id.optional(),
  }),
  'run.started': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    repositoryId: id,
    number: z.number(),
    mailboxes: z.number(),
  }),
  'run.stop-requested': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    /** `schedule` at the end of a schedule's window. */
    requestedBy: z.string(),
  }),
  'run.retry-started': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    retry: z.number(),
    of: z.number(),
    mailboxes: z.number(),
  }),
  'run.completed': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    repositoryId: id,
    number: z.number(),
    outcome,
    scheduleId: id.optional(),
    retries: z.number().optional(),
    tasks: z.object({
      total: z.number(),
      success: z.number(),
      warning: z.number(),
      failed: z.number(),
      stopped: z.number(),
    }),
    totals: totalsSchema,
    startedAt: z.iso.datetime().optional(),
    finishedAt: z.iso.datetime(),
    error: errorFactsSchema.optional(),
  }),
  'mailbox.synced': z.object({
    taskId: z.string(),
    runId: id,
    jobId: id,
    organizationId: id,
    repositoryId: id,
    mailboxId: id,
    mailboxAddress: z.string(),
    outcome: z.enum(['success', 'warning', 'stopped']),
    changed: z.boolean(),
    pointId: z.string().optional(),
    totals: totalsSchema,
  }),
  'mailbox.failed': z.object({
    taskId: z.string(),
    runId: id,
    jobId: id,
    organizationId: id,
    repositoryId: id,
    mailboxId: id,
    mailboxAddress: z.string(),
    attempts: z.number(),
    error: errorFactsSchema,
  }),
  'restore-point.created': z.object({
    pointId: z.string(),
    pointName: z.string(),
    repositoryId: id,
    organizationId: id,
    mailboxId: id,
    jobId: id,
    runId: id,
    scheduleId: id.optional(),
    time: z.iso.datetime(),
    itemsTotal: z.number(),
    gapsOpen: z.number(),
  }),
  'restore-point.expired': z.object({
    pointId: z.string(),
    pointName: z.string(),
    repositoryId: id,
    organizationId: id,
    mailboxId: id,
    jobId: id,
    reason: z.string(),
  }),
  'restore-point.condemned': z.object({
    pointId: z.string(),
    pointName: z.string(),
    repositoryId: id,
    organizationId: id,
    mailboxId: id,
    jobId: id,
    reason: z.string(),
    removeAfter: z.iso.datetime(),
  }),
  'restore-point.recalled': z.object({
    pointId: z.string(),
    pointName: z.string(),
    repositoryId: id,
    organizationId: id,
    mailboxId: id,
    jobId: id,
    reason: z.string(),
    by: z.string(),
  }),
  'hold.placed': z.object({
    holdId: id,
    mailboxId: id,
    restorePointId: z.string().optional(),
    reason: z.string(),
    by: z.string(),
  }),
  'hold.released': z.object({
    holdId: id,
    mailboxId: id,
    restorePointId: z.string().optional(),
    by: z.string(),
  }),
  'retention.requested': z.object({ repositoryId: id.optional(), requestedBy: z.string() }),
  'retention.guarded': z.object({
    repositoryId: id,
    organizationId: id,
    jobId: id,
    mailboxes: z.number(),
    points: z.number(),
    of: z.number(),
    /** Addresses of the mailboxes that would lose most; at most 20. */
    worst: z.array(z.string()),
  }),
  'retention.approved': z.object({
    organizationId: id,
    jobId: id,
    mailboxes: z.number(),
    points: z.number(),
    by: z.string(),
  }),
  'retention.completed': z.object({
    repositoryId: id,
    trigger: z.enum(['run', 'daily', 'request']),
    mailboxes: z.number(),
    condemned: z.number(),
    recalled: z.number(),
    expired: z.number(),
    guarded: z.number(),
    failed: z.number(),
    finishedAt: z.iso.datetime(),
  }),
  'restore.requested': z.object({
    sessionId: id,
    organizationId: id,
    mailboxId: id,
    requestedBy: z.string(),
  }),
  'restore.planned': z.object({
    sessionId: id,
    organizationId: id,
    mailboxId: id,
    digest: z.string(),
    needsApproval: z.boolean(),
    items: z.number(),
    create: z.number(),
    skip: z.number(),
    overwrite: z.number(),
    rename: z.number(),
    cannot: z.number(),
    bytes: z.number(),
    seconds: z.number(),
  }),
  'restore.approved': z.object({
    sessionId: id,
    organizationId: id,
    mailboxId: id,
    digest: z.string(),
    approvedBy: z.string(),
  }),
  'restore.changed': z.object({
    sessionId: id,
    organizationId: id,
    mailboxId: id,
    change: z.enum(['pause-requested', 'resumed', 'cancel-requested']),
    requestedBy: z.string(),
  }),
  'restore.completed': z.object({
    sessionId: id,
    organizationId: id,
    mailboxId: id,
    outcome: z.enum(['success', 'warning', 'failed', 'cancelled']),
    created: z.number(),
    skipped: z.number(),
    renamed: z.number(),
    overwritten: z.number(),
    failed: z.number(),
    different: z.number(),
    /** Items done otherwise than planned. */
    deviated: z.number(),
    mailboxes: z.number(),
    error: errorFactsSchema.optional(),
  }),
  'organization.changed': z.object({
    organizationId: id,
    change: z.enum(['added', 'verified', 'changed', 'removed']),
  }),
  'organization.credential-expiring': z.object({
    organizationId: id,
    organizationName: z.string(),
    application: z.enum(applicationRoles),
    credential: z.enum(['secret', 'certificate']),
    expiresAt: z.iso.datetime(),
    /** Whole days left; negative when it has ended. */
    daysLeft: z.number().int(),
    remedy: z.string(),
  }),
  'repository.attached': z.object({ repositoryId: id, name: z.string() }),
  'job.changed': z.object({ jobId: id, organizationId: id, change: z.enum(['added', 'changed', 'removed']) }),
  'pool.changed': z.object({ pool: id, change: z.enum(['added', 'changed', 'removed']) }),
  'proxy.maintenance': z.object({ proxyId: id, pool: id, on: z.boolean(), requestedBy: z.string() }),
  'script.ended': z.object({
    runId: id,
    jobId: id,
    organizationId: id,
    phase: z.enum(scriptPhases),
    state: z.enum(scriptStates),
    awaited: z.boolean(),
    exitCode: z.number().int().optional(),
    message: z.string().optional(),
  }),
  'proxy.online': z.object({ proxyId: id, pool: id, version: z.string() }),
  'proxy.offline': z.object({ proxyId: id, pool: id, lastSeen: z.iso.datetime() }),
  'alert.raised': z.object({
    alertId: id,
    kind: z.string(),
    about: z.string(),
    organizationId: id.optional(),
    jobId: id.optional(),
    repositoryId: id.optional(),
    message: z.string(),
    remedy: z.string(),
    since: z.iso.datetime(),
  }),
  'alert.cleared': z.object({
    alertId: id,
    kind: z.string(),
    about: z.string(),
    organizationId: id.optional(),
    jobId: id.optional(),
    repositoryId: id.optional(),
    message: z.string(),
    raisedAt: z.iso.datetime(),
  }),
  'repository.space-low': z.object({
    repositoryId: id,
    freeBytes: z.number(),
    totalBytes: z.number(),
    freePercent: z.number(),
  }),
  'webhook.changed': z.object({
    webhookId: id,
    change: z.enum(['added', 'changed', 'removed', 'secret-rotated', 'suspended']),
  }),
  'webhook.tested': z.object({ webhookId: id, requestedBy: z.string() }),
  'notification.requested': z.object({
    notificationId: z.string(),
    kind: z.string(),
    requestedBy: z.string(),
  }),
  'notification.sent': z.object({
    notificationId: z.string(),
    kind: z.string(),
    refersTo: z.string(),
    recipients: z.number(),
  }),
  'notification.failed': z.object({
    notificationId: z.string(),
    kind: z.string(),
    refersTo: z.string(),
    error: errorFactsSchema,
  }),
} as const;

export type EventName = keyof typeof eventData;
export type EventData<N extends EventName> = z.infer<(typeof eventData)[N]>;
export const eventNames = Object.keys(eventData) as EventName[];

/** A CloudEvents 1.0 event. `type` is `holdfast.<name>.v1`; `subject` is the id of the thing it is about. */
export interface HoldfastEvent<N extends EventName = EventName> {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  name: N;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  data: EventData<N>;
}

/** Envelope check for what arrives from outside; unknown fields pass. */
export const eventEnvelopeSchema = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string().regex(/^holdfast\.[a-z.-]+\.v\d+$/),
  name: z.string(),
  subject: z.string(),
  time: z.iso.datetime(),
  data: z.record(z.string(), z.unknown()),
});

/**
 * Builds an event. The id is deterministic over name and `key`, so that a repeated effect makes the same event
 * and every receiver drops the repeat.
 */
export function makeEvent<N extends EventName>(
  name: N,
  args: { source: string; subject: string; key: string; time: string; data: EventData<N> },
): HoldfastEvent<N> {
  return {
    specversion: '1.0',
    id: deterministicId('evt', name, args.key),
    source: `holdfast/${args.source}`,
    type: `holdfast.${name}.v1`,
    name,
    subject: args.subject,
    time: args.time,
    datacontenttype: 'application/json',
    data: args.data,
  };
}

const eventNameSchema = z.enum(eventNames as [EventName, ...EventName[]]);

/** Reads an event from JSON; throws a ZodError that names the field when it is none of ours. */
export function parseEvent(json: unknown): HoldfastEvent {
  const envelope = eventEnvelopeSchema.parse(json);
  const name = eventNameSchema.parse(envelope.name);
  return { ...(envelope as unknown as HoldfastEvent), name, data: eventData[name].parse(envelope.data) };
}

/** A row of the event log, which is the outbox as well: `pending` until the broker has acknowledged it. */
export const eventRecordSchema = z.object({
  id: z.string(),
  time: z.iso.datetime(),
  name: z.string(),
  subject: z.string(),
  pending: z.boolean(),
  event: eventEnvelopeSchema,
});
export type EventRecord = z.infer<typeof eventRecordSchema>;
