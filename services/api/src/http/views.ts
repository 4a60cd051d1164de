import {
  alertSettingsSchema,
  idSchema,
  jobSchema,
  mailSettingsSchema,
  organizationSchema,
  proxyHeartbeatSchema,
  repositoryRecordSchema,
  retentionSettingsSchema,
  runSchema,
  runTaskSchema,
  settingsSchema,
  tokenSchema,
  webhookSchema,
  webhookSettingsSchema,
} from '@holdfast/contracts';
import { z } from 'zod';

const credentialView = z.object({
  kind: z.enum(['secret', 'certificate']),
  /** End of the certificate's life, or of the secret's as far as it is known. */
  expiresAt: z.iso.datetime().optional(),
});

/** An organization as the API shows it: what kind of credential it has, never the credential. */
export const organizationView = z.object({
  ...organizationSchema.omit({ credential: true, restoreApplication: true }).shape,
  credential: credentialView,
  /** Signs in for restores. */
  restoreApplication: z.object({ clientId: z.string(), credential: credentialView }).optional(),
});

export const repositoryView = z.object({
  ...repositoryRecordSchema.omit({ sealedPassphrase: true }).shape,
  /** Restore points known of this repository. */
  points: z.number().int(),
});

/** What is told once, when a repository was made: it opens the repository when the passphrase is lost. */
export const newRepositoryView = z.object({
  ...repositoryView.shape,
  recoveryKey: z.string().optional(),
});

export const jobView = z.object({
  ...jobSchema.shape,
  /** When a schedule fires next; null for a job on demand or after others only, and for one that is disabled. */
  nextFire: z.iso.datetime().nullable(),
  /** The newest run that has begun; absent when there is none any more. */
  lastRun: runSchema.pick({ id: true, number: true, state: true, finishedAt: true }).optional(),
});

/** A task without its gaps, which have a list of their own. */
export const runTaskView = runTaskSchema.omit({ gaps: true });

export const settingsView = z.object({
  ...settingsSchema.omit({ id: true }).shape,
  alerts: alertSettingsSchema,
  retention: retentionSettingsSchema,
  webhooks: webhookSettingsSchema,
  mail: z
    .object({
      ...mailSettingsSchema.omit({ sealedPassword: true, changedAt: true, oauth: true }).shape,
      /** The application that signs in; its secret is never shown. */
      oauth: mailSettingsSchema.shape.oauth.unwrap().omit({ sealedClientSecret: true }).optional(),
      /** Whether a password is kept; the password itself is never shown. */
      passwordSet: z.boolean(),
    })
    .optional(),
});

/** A webhook as the API shows it: never its secret. */
export const webhookView = z.object({
  ...webhookSchema.omit({ sealedSecret: true, previousSecret: true }).shape,
  /** Until when deliveries are signed with the secret before as well. */
  previousSecretUntil: z.iso.datetime().optional(),
});
/** The secret is shown once: when the webhook is made, or gets a new one. */
export const newWebhookView = z.object({ ...webhookView.shape, secret: z.string() });

export const tokenView = tokenSchema.omit({ hash: true });
/** A token is shown once, when it is made. */
export const newTokenView = z.object({ ...tokenView.shape, token: z.string() });

export const proxyView = z.object({
  ...proxyHeartbeatSchema.omit({ at: true }).shape,
  online: z.boolean(),
  /** The newest heartbeat; absent when it is not online. */
  lastSeen: z.iso.datetime().optional(),
});

export const poolView = z.object({
  pool: idSchema,
  description: z.string(),
  /** What it serves; all when absent. */
  organizationIds: z.array(idSchema).optional(),
  repositoryIds: z.array(idSchema).optional(),
  proxiesInMaintenance: z.number().int(),
  proxiesOnline: z.number().int(),
  proxiesKnown: z.number().int(),
  slots: z.number().int(),
  busy: z.number().int(),
});

export const cloudView = z.object({
  name: z.string(),
  /** For people. */
  title: z.string(),
  authority: z.string(),
  graphRoot: z.string(),
  /** Why no organization can be in it. */
  refused: z.string().optional(),
});

/** Ids that are made of two ids and a dot: restore points, tasks. */
export const joinedId = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,160}$/, 'must be 1 to 160 letters, digits, dots, _ or -');

/** Ids of the source, such as folder ids and item keys: any text of bounded length. */
export const sourceId = z.string().min(1).max(1_000);
