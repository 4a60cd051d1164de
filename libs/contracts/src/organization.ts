import { z } from 'zod';
import { idSchema } from './ids.ts';

/** The most mailboxes that a check names. */
export const checkMailboxesListed = 100;

/** Which application of an organization: the one that backs up, or the one that restores where they differ. */
export const applicationRoles = ['backup', 'restore'] as const;
export type ApplicationRole = (typeof applicationRoles)[number];

/** One named check of a connection, with what the user can do about it. */
export const checkSchema = z.object({
  /** The same whatever the language and the release, such as `permission.Mail.Read`. */
  code: z.string(),
  name: z.string(),
  result: z.enum(['success', 'warning', 'failure']),
  meaning: z.string(),
  remedy: z.string().optional(),
  /** Kinds of work that do not go without it. */
  limits: z.array(z.enum(['backup', 'restore', 'groups', 'mailbox-types'])).optional(),
  /** Addresses of the mailboxes it is about, the first hundred. */
  mailboxes: z.array(z.string()).max(checkMailboxesListed).optional(),
  /** The application it is about. */
  application: z.enum(applicationRoles).optional(),
  /** Of `credential.expiry`: the end of the secret or certificate. */
  expiresAt: z.iso.datetime().optional(),
});
export type Check = z.infer<typeof checkSchema>;

export const verificationSchema = z.object({ at: z.iso.datetime(), checks: z.array(checkSchema) });
export type Verification = z.infer<typeof verificationSchema>;

/** An opaque sealed secret (AES-256-GCM, see libs/store). */
export const sealedSchema = z.string().startsWith('sealed:');

/** End of the credential's life: of a certificate its own; of a secret what Microsoft says, or what a user entered. */
const expiresAt = z.iso.datetime().optional();

export const credentialSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('secret'), sealedSecret: sealedSchema, expiresAt }),
  z.object({
    kind: z.literal('certificate'),
    certificatePem: z.string(),
    sealedPrivateKey: sealedSchema,
    expiresAt,
  }),
]);
export type Credential = z.infer<typeof credentialSchema>;

/** An application registered in the tenant, with the credential it signs in with. */
export const applicationSchema = z.object({ clientId: z.string(), credential: credentialSchema });
export type Application = z.infer<typeof applicationSchema>;

export const organizationSchema = z.object({
  id: idSchema,
  name: z.string().min(1).max(120),
  /** Name of a cloud record: `global`, `us-gov-l4`, `us-gov-l5`, `china`, or one from the settings. */
  cloud: z.string(),
  tenantId: z.string(),
  clientId: z.string(),
  credential: credentialSchema,
  /** Signs in for restores; the application of the backups does when absent. */
  restoreApplication: applicationSchema.optional(),
  /** False: its mail is not put into the catalog; it can then be browsed, but not searched. */
  catalog: z.boolean().optional(),
  createdAt: z.iso.datetime(),
  verification: verificationSchema.optional(),
});
export type Organization = z.infer<typeof organizationSchema>;

const tenantPattern = /^[0-9a-zA-Z.-]{1,120}$/;

const credentialShape = {
  clientSecret: z.string().min(1, 'must not be empty').optional(),
  /** When the secret ends, as the portal showed it; a verification reads it where it may. */
  secretExpiresAt: z.iso.datetime('must be a date and time such as 2027-01-31T00:00:00Z').optional(),
  certificate: z.strictObject({ certificatePem: z.string(), privateKeyPem: z.string() }).optional(),
};
const clientId = z.string().min(1, 'must be the application (client) id').max(120);

interface GivenCredential {
  clientSecret?: string | undefined;
  certificate?: unknown;
  secretExpiresAt?: string | undefined;
}

function oneCredential(given: GivenCredential, ctx: z.RefinementCtx): void {
  const none = given.clientSecret === undefined && given.certificate === undefined;
  if (none || (given.clientSecret !== undefined && given.certificate !== undefined)) {
    const message = 'give either clientSecret or certificate, not both and not neither';
    ctx.addIssue({ code: 'custom', path: ['clientSecret'], message });
  }
  noDateOfCertificate(given, ctx);
}

function noDateOfCertificate(given: GivenCredential, ctx: z.RefinementCtx): void {
  if (given.certificate === undefined || given.secretExpiresAt === undefined) return;
  const message = 'belongs to a client secret; a certificate says itself when it ends';
  ctx.addIssue({ code: 'custom', path: ['secretExpiresAt'], message });
}

/** An application with its credential as a user sends it. */
export const applicationInputSchema = z
  .strictObject({ clientId, ...credentialShape })
  .superRefine(oneCredential);
export type ApplicationInput = z.infer<typeof applicationInputSchema>;

/** What a user sends to add an organization. */
export const organizationInputSchema = z
  .strictObject({
    name: z.string().min(1).max(120),
    cloud: z.string().default('global'),
    tenantId: z.string().regex(tenantPattern, 'must be a tenant id (GUID) or a verified domain'),
    clientId,
    ...credentialShape,
    /** Another application for restores, so that the one that backs up needs no right to write. */
    restoreApplication: applicationInputSchema.optional(),
  })
  .superRefine(oneCredential);
export type OrganizationInput = z.infer<typeof organizationInputSchema>;

/**
 * What can be changed of an organization; what is left out stays. The tenant cannot: mailboxes are known by it.
 * `restoreApplication: null` goes back to one application.
 */
export const organizationPatchSchema = z
  .strictObject({
    name: z.string().min(1).max(120).optional(),
    cloud: z.string().optional(),
    clientId: clientId.optional(),
    ...credentialShape,
    restoreApplication: applicationInputSchema.nullable().optional(),
  })
  .superRefine((given, ctx) => {
    if (given.clientSecret !== undefined && given.certificate !== undefined) {
      const message = 'give either clientSecret or certificate, not both';
      ctx.addIssue({ code: 'custom', path: ['clientSecret'], message });
    }
    noDateOfCertificate(given, ctx);
  });
export type OrganizationPatch = z.infer<typeof organizationPatchSchema>;

/** A mailbox as the directory shows it; written by the inventory of a proxy. */
export const mailboxSchema = z.object({
  id: idSchema,
  organizationId: idSchema,
  /** The directory's object id. */
  userId: z.string(),
  address: z.string(),
  displayName: z.string(),
  department: z.string().optional(),
  kind: z.enum(['user', 'shared', 'room', 'equipment', 'unknown']),
  /** When the mailbox was asked for its kind; a listing does not tell it. */
  kindAt: z.iso.datetime().optional(),
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
  /** Members, and members of the groups within it. */
  memberUserIds: z.array(z.string()),
  directUserIds: z.array(z.string()).default([]),
  /** `gone`: the directory has no such group. */
  status: z.enum(['active', 'gone']).default('active'),
  seenAt: z.iso.datetime(),
});
export type Group = z.infer<typeof groupSchema>;
