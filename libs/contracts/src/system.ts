import { z } from 'zod';
import { idSchema } from './ids.ts';

/** A sign-in token; only its SHA-256 is kept. */
export const tokenSchema = z.object({
  id: idSchema,
  name: z.string(),
  hash: z.string(),
  createdAt: z.iso.datetime(),
});
export type Token = z.infer<typeof tokenSchema>;

/** Global settings; there is one document with the id `global`. */
export const settingsSchema = z.object({
  id: z.literal('global'),
  mail: z
    .object({
      host: z.string(),
      port: z.number().int(),
      /** `none` for a relay on this machine, `starttls`, or `tls` from the first byte. */
      security: z.enum(['none', 'starttls', 'tls']),
      user: z.string().optional(),
      sealedPassword: z.string().optional(),
      from: z.email(),
      recipients: z.array(z.email()),
      /** Outcomes that are reported. */
      on: z
        .array(z.enum(['success', 'warning', 'failed', 'stopped']))
        .default(['success', 'warning', 'failed', 'stopped']),
    })
    .optional(),
  /** Address of the web console for links in reports. */
  baseUrl: z.url().optional(),
});
export type Settings = z.infer<typeof settingsSchema>;

export const settingsInputSchema = z.strictObject({
  mail: z
    .strictObject({
      ...settingsSchema.shape.mail.unwrap().omit({ sealedPassword: true }).shape,
      password: z.string().optional(),
    })
    .optional(),
  baseUrl: z.url().optional(),
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
