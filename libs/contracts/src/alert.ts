import { z } from 'zod';
import { idSchema } from './ids.ts';
import { addressListSchema } from './mailSettings.ts';

/** What is watched. */
export const alertKinds = [
  'job-overdue',
  'restore-point-old',
  'proxy-offline',
  'credential-expiring',
  'retention-guarded',
  'repository-space-low',
  'webhook-failing',
] as const;
export type AlertKind = (typeof alertKinds)[number];

const enabled = z.boolean().default(true);
const whole = (least: number, most: number, standard: number) =>
  z.number().int().min(least).max(most).default(standard);

/** Which alerts are raised, and when. All are on by default. */
export const alertSettingsSchema = z.strictObject({
  /** Who gets alerts by e-mail; the recipients of the mail settings when empty. */
  recipients: addressListSchema.default([]),
  /** A short message as well when an alert is over. */
  allClear: z.boolean().default(true),
  /** Nothing ran although the schedule of a job said so. */
  jobOverdue: z.strictObject({ enabled, afterMinutes: whole(5, 10_080, 60) }).prefault({}),
  /** A mailbox has no restore point, and was not found unchanged, for so long. */
  restorePointOld: z.strictObject({ enabled, afterHours: whole(1, 8_760, 72) }).prefault({}),
  /** A proxy gives no sign of life. */
  proxyOffline: z.strictObject({ enabled, afterMinutes: whole(1, 1_440, 5) }).prefault({}),
  /** The certificate or the secret of an organization ends soon. */
  credentialExpiring: z.strictObject({ enabled, beforeDays: whole(1, 365, 30) }).prefault({}),
  /** Retention refused to remove restore points because too many would have gone. */
  retentionGuarded: z.strictObject({ enabled }).prefault({}),
  /** The disk of a repository is nearly full. */
  repositorySpaceLow: z.strictObject({ enabled, freePercent: whole(1, 90, 10) }).prefault({}),
  /** A webhook takes nothing. */
  webhookFailing: z.strictObject({ enabled, afterMinutes: whole(1, 10_080, 60) }).prefault({}),
});
export type AlertSettings = z.infer<typeof alertSettingsSchema>;

/** The settings as they are when nobody has set any. */
export const defaultAlertSettings: AlertSettings = alertSettingsSchema.parse({});

/** One occurrence of a trouble: from when it was found until it was over. */
export const alertSchema = z.object({
  /** Deterministic over the kind, the thing, and the occurrence before. */
  id: idSchema,
  kind: z.enum(alertKinds),
  /** Id of the job, proxy, organization, repository or webhook it is about. */
  about: z.string(),
  state: z.enum(['open', 'cleared']),
  organizationId: idSchema.optional(),
  jobId: idSchema.optional(),
  repositoryId: idSchema.optional(),
  /** What is wrong, as a sentence; kept up to date while it lasts. */
  message: z.string(),
  remedy: z.string(),
  /** The worst cases by name, such as mailboxes; at most 20. */
  details: z.array(z.string()),
  /** Since when it is so. */
  since: z.iso.datetime(),
  raisedAt: z.iso.datetime(),
  clearedAt: z.iso.datetime().optional(),
  /** Why it is over, as a sentence. */
  clearedBecause: z.string().optional(),
});
export type Alert = z.infer<typeof alertSchema>;
