import { z } from 'zod';
import { alertSettingsSchema } from './alert.ts';
import { idSchema } from './ids.ts';
import { mailSettingsInputSchema, mailSettingsSchema } from './mailSettings.ts';
import { retentionSettingsSchema } from './retention.ts';
import { exclusionsSchema } from './scope.ts';
import { webhookSettingsSchema } from './webhook.ts';

/** What the holder of a token may do; the API says of each route which roles it is for. */
export const roles = ['administrator', 'operator', 'restore-operator', 'viewer'] as const;
export type Role = (typeof roles)[number];

/** A sign-in token; only its SHA-256 is kept. */
export const tokenSchema = z.object({
  id: idSchema,
  name: z.string(),
  hash: z.string(),
  role: z.enum(roles),
  createdAt: z.iso.datetime(),
});
export type Token = z.infer<typeof tokenSchema>;

/** Global settings; there is one document with the id `global`. */
export const settingsSchema = z.object({
  id: z.literal('global'),
  mail: mailSettingsSchema.optional(),
  /** The defaults when absent. */
  alerts: alertSettingsSchema.optional(),
  webhooks: webhookSettingsSchema.optional(),
  /** What no job backs up. */
  exclude: exclusionsSchema.optional(),
  /** The defaults when absent. */
  retention: retentionSettingsSchema.optional(),
  /** Address of the web console for links in reports. */
  baseUrl: z.url().optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

export const settingsInputSchema = z.strictObject({
  ...settingsSchema.omit({ id: true }).shape,
  mail: mailSettingsInputSchema.optional(),
});
export type SettingsInput = z.infer<typeof settingsInputSchema>;

/** A sync worker as it describes itself. */
export const proxyRecordSchema = z.object({
  id: idSchema,
  pool: idSchema,
  version: z.string(),
  host: z.string(),
  slots: z.number().int(),
  startedAt: z.iso.datetime(),
  /** It finishes what it has in hand and takes no new mailbox. Set by a user; survives its restart. */
  maintenance: z.boolean().default(false),
  /** Since when it gives no sign of life, as the scheduler noticed; absent while it does. */
  offlineSince: z.iso.datetime().optional(),
  /** When it was stopped on purpose; it is not missed then. */
  stoppedAt: z.iso.datetime().optional(),
});
export type ProxyRecord = z.infer<typeof proxyRecordSchema>;

/** The heartbeat of a proxy in the KV bucket `proxies`. */
export const proxyHeartbeatSchema = z.object({
  ...proxyRecordSchema.shape,
  busy: z.number().int(),
  mailboxes: z.array(z.string()),
  at: z.iso.datetime(),
});
export type ProxyHeartbeat = z.infer<typeof proxyHeartbeatSchema>;
