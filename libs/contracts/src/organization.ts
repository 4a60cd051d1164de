import { z } from 'zod';
import { idSchema } from './ids.ts';

/** One named check of a connection, with what the user can do about it. */
export const checkSchema = z.object({
  name: z.string(),
  result: z.enum(['success', 'warning', 'failure']),
  meaning: z.string(),
  remedy: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

export const verificationSchema = z.object({ at: z.iso.datetime(), checks: z.array(checkSchema) });
export type Verification = z.infer<typeof verificationSchema>;

/** An opaque sealed secret (AES-256-GCM, see libs/store). */
export const sealedSchema = z.string().startsWith('sealed:');

export const credentialSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('secret'), sealedSecret: sealedSchema }),
  z.object({ kind: z.literal('certificate'), certificatePem: z.string(), sealedPrivateKey: sealedSchema }),
]);
export type Credential = z.infer<typeof credentialSchema>;

export const organizationSchema = z.object({
  id: idSchema,
  name: z.string().min(1).max(120),
  /** Name of a cloud record: `global`, `us-gov-l4`, `us-gov-l5`, `china`, or one from the settings. */
  cloud: z.string(),
  tenantId: z.string(),
  clientId: z.string(),
  credential: credentialSchema,
  createdAt: z.iso.datetime(),
  verification: verificationSchema.optional(),
});
export type Organization = z.infer<typeof organizationSchema>;

const tenantPattern = /^[0-9a-zA-Z.-]{1,120}$/;

/** What a user sends to add an organization. */
export const organizationInputSchema = z
  .strictObject({
    name: z.string().min(1).max(120),
    cloud: z.string().default('global'),
    tenantId: z.string().regex(tenantPattern, 'must be a tenant id (GUID) or a verified domain'),
    clientId: z.string().min(1, 'must be the application (client) id'),
    clientSecret: z.string().min(1).optional(),
    certificate: z.strictObject({ certificatePem: z.string(), privateKeyPem: z.string() }).optional(),
  })
  .refine((input) => (input.clientSecret === undefined) !== (input.certificate === undefined), {
    path: ['clientSecret'],
    message: 'give either clientSecret or certificate, not both and not neither',
  });
export type OrganizationInput = z.infer<typeof organizationInputSchema>;

/** A mailbox as the directory shows it; written by the inventory of a proxy. */
export const mailboxSchema = z.object({
  id: idSchema,
  organizationId: idSchema,
  /** The directory's object id. */
  userId: z.string(),
  address: z.string(),
  displayName: z.string(),
  kind: z.enum(['user', 'shared', 'room', 'equipment', 'unknown']),
  /** `gone`: not in the directory any more; its restore points stay. */
  status: z.enum(['active', 'gone']),
  seenAt: z.iso.datetime(),
});
export type Mailbox = z.infer<typeof mailboxSchema>;

/** Members of a directory group at the last inventory. */
export const groupSchema = z.object({
  id: z.string(),
  organizationId: idSchema,
  groupId: z.string(),
  displayName: z.string(),
  memberUserIds: z.array(z.string()),
  seenAt: z.iso.datetime(),
});
export type Group = z.infer<typeof groupSchema>;
