import { z } from 'zod';
import { idSchema } from './ids.ts';
import { sealedSchema } from './organization.ts';

export const backendSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fs'), path: z.string().startsWith('/', 'must be an absolute path') }),
]);
export type Backend = z.infer<typeof backendSchema>;

/** A repository as the control data knows it; the repository itself needs none of this. */
export const repositoryRecordSchema = z.object({
  id: idSchema,
  name: z.string().min(1).max(120),
  backend: backendSchema,
  /** The id that the repository carries in its own config. */
  engineId: z.string(),
  sealedPassphrase: sealedSchema,
  createdAt: z.iso.datetime(),
});
export type RepositoryRecord = z.infer<typeof repositoryRecordSchema>;

/** `create` makes a new repository, `attach` opens one that exists. */
export const repositoryInputSchema = z.strictObject({
  name: z.string().min(1).max(120),
  backend: backendSchema,
  passphrase: z.string().min(12, 'must have at least 12 characters'),
  mode: z.enum(['create', 'attach']).default('create'),
});
export type RepositoryInput = z.infer<typeof repositoryInputSchema>;
