import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

/** The settings of the notifier; times in milliseconds. Mail server and recipients are in the control data. */
export const notifySettingsSchema = z.object({
  ...commonSettings,
  /** PEM file with certificate authorities to trust for mail servers, in addition to the usual ones. */
  HOLDFAST_MAIL_CA_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/mail-ca.pem'] }),
  /** JSON with clouds beside Microsoft's, for the sign-in of an application to a mail server. */
  HOLDFAST_CLOUDS_FILE: z.string().optional(),
  /** How often the control data is searched for ended runs and restores whose event did not come. */
  HOLDFAST_NOTIFY_CATCH_UP_MS: z.coerce.number().int().min(100).default(60_000),
  /** PEM file with certificate authorities to trust for webhooks, in addition to the usual ones. */
  HOLDFAST_WEBHOOK_CA_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/webhook-ca.pem'] }),
  /** Longest time for one delivery to a webhook, from the name's look-up to the answer. */
  HOLDFAST_WEBHOOK_LIMIT_MS: z.coerce.number().int().min(500).max(120_000).default(15_000),
  /** Deliveries under way at the same time, over all webhooks. */
  HOLDFAST_WEBHOOKS_AT_ONCE: z.coerce.number().int().min(1).max(256).default(16),
  /** How often alerts are judged. */
  HOLDFAST_NOTIFY_ALERTS_MS: z.coerce.number().int().min(100).default(60_000),
  /** Longest time for sending one message. */
  HOLDFAST_NOTIFY_SEND_LIMIT_MS: z.coerce.number().int().min(1_000).default(60_000),
});
export type NotifySettings = z.infer<typeof notifySettingsSchema>;
