import { z } from 'zod';
import { idSchema } from './ids.ts';
import { roles } from './system.ts';

/** One request that changed, restored or exported something: who, what, when, and how it ended. */
export const auditRecordSchema = z.object({
  id: idSchema,
  at: z.iso.datetime(),
  tokenId: z.string(),
  /** Name of the token. */
  by: z.string(),
  role: z.enum(roles),
  /** Operation of the OpenAPI document. */
  operation: z.string(),
  method: z.string(),
  /** With the ids of what it was about. */
  path: z.string(),
  /** Names of the fields that were sent; never their values. */
  fields: z.array(z.string()),
  /** Network address of the caller. */
  from: z.string(),
  requestId: z.string(),
  /** HTTP status of the answer; absent when the API died before it answered. */
  status: z.number().int().optional(),
});
export type AuditRecord = z.infer<typeof auditRecordSchema>;
