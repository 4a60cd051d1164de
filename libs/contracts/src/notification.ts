import { z } from 'zod';
import { idSchema } from './ids.ts';
import { errorFactsSchema } from './run.ts';

/** A message to people: inserted before the first try, so that it is sent once. */
export const notificationSchema = z.object({
  /** Deterministic: kind and subject of the matter, such as `run-report.<runId>`. */
  id: z.string(),
  kind: z.enum(['run-report', 'restore-report', 'digest', 'alert', 'alert-cleared', 'test']),
  refersTo: z.string(),
  recipients: z.array(z.string()),
  /** Recipients whose mail server took the message; a retry goes to the others only. */
  delivered: z.array(z.string()).optional(),
  /** Recipients refused for good, with the server's answer. */
  refused: z.array(z.object({ recipient: z.string(), reason: z.string() })).optional(),
  subject: z.string(),
  /** RFC 5322 Message-ID, fixed at the first try, so that a repeat is recognised by the receiver. */
  messageId: z.string(),
  /** What a digest covers: after `from`, up to `to`; with `jobIds` only runs of these jobs. */
  period: z
    .object({ from: z.iso.datetime(), to: z.iso.datetime(), jobIds: z.array(idSchema).optional() })
    .optional(),
  state: z.enum(['pending', 'sent', 'failed', 'suppressed']),
  tries: z.number().int(),
  createdAt: z.iso.datetime(),
  sentAt: z.iso.datetime().optional(),
  nextTry: z.iso.datetime().optional(),
  error: errorFactsSchema.optional(),
});
export type Notification = z.infer<typeof notificationSchema>;
