import type { z } from 'zod';
import { alertSchema } from './alert.ts';
import { auditRecordSchema } from './audit.ts';
import { eventRecordSchema } from './event.ts';
import { jobSchema } from './job.ts';
import { notificationSchema } from './notification.ts';
import { groupSchema, mailboxSchema, organizationSchema } from './organization.ts';
import { poolSchema } from './pool.ts';
import { repositoryRecordSchema } from './repositoryRecord.ts';
import { planPageSchema } from './restorePlan.ts';
import { ledgerLineSchema, restorePartSchema, restoreSessionSchema } from './restoreSession.ts';
import { holdSchema, retentionGuardSchema, retentionStateSchema } from './retention.ts';
import { mailboxHeadSchema, restorePointRecordSchema, runSchema, runTaskSchema } from './run.ts';
import { scriptRecordSchema } from './script.ts';
import { proxyRecordSchema, settingsSchema, tokenSchema } from './system.ts';
import { webhookDeliverySchema, webhookSchema } from './webhook.ts';

/** An index over fields; `unique` refuses a second document with the same values. */
export interface IndexDeclaration {
  fields: readonly string[];
  unique?: boolean;
}

/** A collection of the control data: its name, the shape of its documents and its declared indexes. */
export interface CollectionDeclaration<T> {
  name: string;
  schema: z.ZodType<T>;
  indexes: readonly IndexDeclaration[];
}

const declare = <T>(
  name: string,
  schema: z.ZodType<T>,
  ...indexes: readonly IndexDeclaration[]
): CollectionDeclaration<T> => ({ name, schema, indexes });

/** All collections of the control data and who writes them. */
export const collections = {
  /** api */
  organizations: declare('organizations', organizationSchema, { fields: ['name'], unique: true }),
  /** sync (inventory) */
  mailboxes: declare('mailboxes', mailboxSchema, { fields: ['organizationId', 'address'] }),
  /** sync (inventory) */
  groups: declare('groups', groupSchema, { fields: ['organizationId'] }),
  /** api */
  repositories: declare('repositories', repositoryRecordSchema, { fields: ['name'], unique: true }),
  /** api; scheduler moves `lastFire` and `lastRunNumber` */
  jobs: declare('jobs', jobSchema, { fields: ['name'], unique: true }),
  /** api inserts `requested`; scheduler owns it from there */
  runs: declare(
    'runs',
    runSchema,
    { fields: ['state'] },
    { fields: ['jobId', 'number'] },
    { fields: ['requestedAt'] },
  ),
  /** scheduler inserts; sync moves it */
  runTasks: declare(
    'run-tasks',
    runTaskSchema,
    { fields: ['runId', 'position'] },
    { fields: ['runId', 'state'] },
  ),
  /** sync */
  mailboxHeads: declare('mailbox-heads', mailboxHeadSchema, { fields: ['repositoryId', 'mailboxId'] }),
  /** sync inserts; api calls back; retention condemns, adds what is missing, and deletes */
  restorePoints: declare(
    'restore-points',
    restorePointRecordSchema,
    { fields: ['repositoryId', 'mailboxId', 'time'] },
    { fields: ['runId'] },
    { fields: ['organizationId', 'time'] },
    { fields: ['jobId', 'mailboxId', 'time'] },
  ),
  /** api */
  holds: declare('holds', holdSchema, { fields: ['mailboxId', 'at'] }, { fields: ['at'] }),
  /** retention; api approves */
  retentionGuards: declare(
    'retention-guards',
    retentionGuardSchema,
    { fields: ['jobId', 'state'] },
    { fields: ['repositoryId', 'state'] },
    { fields: ['since'] },
  ),
  /** retention */
  retentionState: declare('retention-state', retentionStateSchema),
  /** api inserts; restore owns it from there */
  restoreSessions: declare(
    'restore-sessions',
    restoreSessionSchema,
    { fields: ['state'] },
    { fields: ['requestedAt'] },
    { fields: ['mailboxId', 'requestedAt'] },
    { fields: ['requestedBy', 'requestedAt'] },
    { fields: ['kind', 'requestedAt'] },
  ),
  /** api inserts, before the session; restore owns them from there */
  restoreParts: declare('restore-parts', restorePartSchema, { fields: ['sessionId'] }),
  /** restore */
  restorePlan: declare('restore-plan', planPageSchema, { fields: ['sessionId'] }),
  /** restore */
  restoreLedger: declare(
    'restore-ledger',
    ledgerLineSchema,
    { fields: ['sessionId'] },
    { fields: ['sessionId', 'action'] },
    { fields: ['sessionId', 'readBack'] },
  ),
  /** every service: event log and outbox */
  events: declare('events', eventRecordSchema, { fields: ['pending', 'time'] }, { fields: ['time'] }),
  /** notify */
  notifications: declare(
    'notifications',
    notificationSchema,
    { fields: ['state'] },
    { fields: ['createdAt'] },
  ),
  /** notify: one occurrence of a trouble each; retention removes old ones */
  alerts: declare(
    'alerts',
    alertSchema,
    { fields: ['kind', 'about'] },
    { fields: ['state', 'raisedAt'] },
    { fields: ['raisedAt'] },
  ),
  /** api; notify notes how they fare */
  webhooks: declare('webhooks', webhookSchema, { fields: ['name'], unique: true }),
  /** notify; api inserts tests and replays; retention removes old ones */
  webhookDeliveries: declare(
    'webhook-deliveries',
    webhookDeliverySchema,
    { fields: ['webhookId', 'state', 'nextTry'] },
    { fields: ['webhookId', 'createdAt'] },
    { fields: ['state', 'createdAt'] },
    { fields: ['createdAt'] },
  ),
  /** api */
  tokens: declare('tokens', tokenSchema, { fields: ['hash'], unique: true }, { fields: ['role'] }),
  /** api; retention removes old ones */
  audit: declare(
    'audit',
    auditRecordSchema,
    { fields: ['at'] },
    { fields: ['by', 'at'] },
    { fields: ['operation', 'at'] },
  ),
  /** api */
  settings: declare('settings', settingsSchema),
  /** api */
  pools: declare('pools', poolSchema),
  /** scheduler: the scripts of runs */
  runScripts: declare('run-scripts', scriptRecordSchema, { fields: ['runId'] }, { fields: ['state'] }),
  /** sync: what a proxy said of itself last; liveness is in the KV bucket `proxies`; api sets `maintenance`, scheduler `offlineSince` */
  proxies: declare('proxies', proxyRecordSchema, { fields: ['pool'] }),
} as const;
