import { z } from 'zod';
import { eventEnvelopeSchema, eventNames } from './event.ts';
import { idSchema } from './ids.ts';

/** `run.*` and `run.` mean all names that begin like this; `*` means all. */
export function eventNameMatches(filter: string, name: string): boolean {
  if (filter === '*' || filter === '') return true;
  if (filter.endsWith('*')) return name.startsWith(filter.slice(0, -1));
  return filter.endsWith('.') ? name.startsWith(filter) : name === filter;
}

/** The name of an event, or a beginning with `*`; refused when no event has such a name. */
export const eventFilterSchema = z
  .string()
  .max(80)
  .regex(/^([a-z][a-z.-]*\*?|\*)$/, 'must be a name such as run.completed, a beginning such as run.*, or *')
  .refine((filter) => eventNames.some((name) => eventNameMatches(filter, name)), {
    message: 'no event has this name; docs/events.md lists them',
  });

const urlSchema = z
  .string()
  .max(2_000)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: 'must be an address such as https://hooks.example.com/holdfast',
    abort: true,
  })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
    message: 'must not contain a user name or a password; the signature proves who sends',
  });

/** Who gets which events over HTTP. */
export const webhookInputSchema = z.strictObject({
  name: z.string().min(1).max(120),
  /** Where events are sent by POST; https, or http on this machine. */
  url: urlSchema,
  /** Names of events, `*` at the end for all that begin so. */
  events: z.array(eventFilterSchema).min(1, 'name at least one event, or *').max(50).default(['*']),
  /** Only events of this organization. */
  organizationId: idSchema.optional(),
  /** Only events of this job. */
  jobId: idSchema.optional(),
  enabled: z.boolean().default(true),
});
export type WebhookInput = z.infer<typeof webhookInputSchema>;

export const webhookSchema = z.object({
  ...webhookInputSchema.shape,
  id: idSchema,
  /** The signing secret, sealed for `webhook:<id>`. */
  sealedSecret: z.string(),
  /** The secret before, still used beside the new one until the time given. */
  previousSecret: z.object({ sealedSecret: z.string(), until: z.iso.datetime() }).optional(),
  createdAt: z.iso.datetime(),
  /** Events from this time on: its making, or when its filter was changed or it was switched on again. */
  eventsFrom: z.iso.datetime(),
  /** Since when every delivery has failed; absent while it works. */
  failingSince: z.iso.datetime().optional(),
  lastDeliveredAt: z.iso.datetime().optional(),
  lastError: z.string().optional(),
  /** Set when it was switched off by itself after days of nothing but failures; a change of `enabled` lifts it. */
  suspendedAt: z.iso.datetime().optional(),
});
export type Webhook = z.infer<typeof webhookSchema>;

export const deliveryStates = ['pending', 'delivered', 'dead'] as const;

/** One event for one webhook. */
export const webhookDeliverySchema = z.object({
  /** `<webhookId>.<eventId>` */
  id: z.string(),
  webhookId: idSchema,
  eventId: z.string(),
  eventName: z.string(),
  event: eventEnvelopeSchema,
  state: z.enum(deliveryStates),
  tries: z.number().int().min(0),
  createdAt: z.iso.datetime(),
  /** From when the 24 hours of trying count: its making, or the newest replay. */
  startedAt: z.iso.datetime(),
  /** When it is tried next; the end of a claim while somebody tries it. */
  nextTry: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
  /** Status of the newest answer. */
  status: z.number().int().optional(),
  /** What went wrong in the newest try, as a sentence. */
  error: z.string().optional(),
  /** Beginning of the newest answer's body, at most 1 KiB. */
  answer: z.string().optional(),
  /** How long the newest try took, ms. */
  tookMs: z.number().int().optional(),
});
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>;

export const deliveryIdOf = (webhookId: string, eventId: string): string => `${webhookId}.${eventId}`;

/** Where webhooks may go; part of the global settings. */
export const webhookSettingsSchema = z.strictObject({
  /**
   * Also addresses of private networks (RFC 1918, fc00::/7, 100.64/10), there http as well. Addresses of a cloud's
   * metadata service and link-local ones are refused in any case.
   */
  allowPrivateNetworks: z.boolean().default(false),
});
export type WebhookSettings = z.infer<typeof webhookSettingsSchema>;
