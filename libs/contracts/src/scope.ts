import { z } from 'zod';
import { idSchema } from './ids.ts';
import { itemAgeSchema } from './retention.ts';

const trimmed = (most: number) => z.string().trim().max(most, `must be at most ${most} characters`);

/** A mail address as people write it; compared without regard to case. */
export const mailboxAddressSchema = trimmed(320).regex(
  /^[^\s@]+@[^\s@]+$/,
  'must be a mail address such as ann@contoso.com',
);

/** The kinds of mailboxes that a rule can ask for. */
export const mailboxTypes = ['user', 'shared', 'room', 'equipment'] as const;
export type MailboxType = (typeof mailboxTypes)[number];

/** A directory group by its object id, with the members of the groups within it unless `members` says otherwise. */
const groupShape = {
  groupId: trimmed(200).min(1, 'must be the object id of a group'),
  members: z.enum(['direct', 'transitive']).default('transitive'),
};
export const groupRefSchema = z.strictObject(groupShape);
export type GroupRef = z.infer<typeof groupRefSchema>;

const ruleShape = {
  /** The domain of the address, such as `contoso.com`. */
  domain: trimmed(253)
    .regex(/^@?[^\s@*?]+\.[^\s@*?]+$/, 'must be a domain such as contoso.com')
    .optional(),
  types: z.array(z.enum(mailboxTypes)).min(1, 'name at least one type').optional(),
  /** The whole display name; `*` stands for any text and `?` for one character. */
  displayName: trimmed(200).min(1, 'must not be empty; * matches every name').optional(),
  /** The department as the directory has it; `*` and `?` as in a display name. */
  department: trimmed(200).min(1, 'must not be empty; * matches every department').optional(),
};
const ruleAttributes = Object.keys(ruleShape) as (keyof typeof ruleShape)[];

function someAttribute(
  rule: Partial<Record<(typeof ruleAttributes)[number], unknown>>,
  ctx: z.RefinementCtx,
) {
  if (ruleAttributes.some((name) => rule[name] !== undefined)) return;
  const message = `give at least one of ${ruleAttributes.join(', ')}; a rule without any would match every mailbox`;
  ctx.addIssue({ code: 'custom', message, path: ['displayName'] });
}

/** Mailboxes by their attributes: every attribute that is given must match, whatever the case of the letters. */
export const ruleSchema = z.strictObject(ruleShape).superRefine(someAttribute);
export type Rule = z.infer<typeof ruleSchema>;

/** Where mailboxes come from. In a job the order of the sources decides the order of processing. */
export const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('organization') }),
  z.strictObject({ kind: z.literal('group'), ...groupShape }),
  z.strictObject({ kind: z.literal('mailbox'), address: mailboxAddressSchema }),
  z.strictObject({ kind: z.literal('rule'), ...ruleShape }).superRefine(someAttribute),
]);
export type Source = z.infer<typeof sourceSchema>;

/** The root of Recoverable Items in a restore point: it holds folders, and no items of its own. */
export const recoverableRootRole = 'recoverableitemsroot';
/** True for a folder of Recoverable Items, by its role; what is deeper has an ancestor of such a role. */
export const isRecoverableRole = (role: string | undefined): boolean =>
  role?.startsWith('recoverableitems') === true;

/** Folders that every mailbox has, by the name that does not depend on a language. */
export const excludableFolders = [
  'deleteditems',
  'junkemail',
  'drafts',
  'outbox',
  'sentitems',
  'archive',
  'syncissues',
  'conversationhistory',
  'clutter',
  'scheduled',
  'recoverableitemsdeletions',
  'recoverableitemspurges',
  'recoverableitemsversions',
  'recoverableitemsdiscoveryholds',
  'recoverableitemssubstrateholds',
] as const;

/** A folder that is not backed up, with all that is below it. */
export const folderExclusionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('well-known'), name: z.enum(excludableFolders) }),
  /** Names from the top, such as `/Inbox/Newsletters`; compared without regard to case. */
  z.strictObject({
    kind: z.literal('path'),
    path: trimmed(2_000).regex(/^\/?[^/].*$/s, 'must be a path such as /Inbox/Newsletters'),
  }),
]);
export type FolderExclusion = z.infer<typeof folderExclusionSchema>;

const most = 1_000;
const listOf = <T extends z.ZodType>(schema: T) =>
  z.array(schema).max(most, `must be at most ${most}`).default([]);

/** What is not backed up. In a job it counts for the job, in the settings for all jobs. */
export const exclusionsSchema = z.strictObject({
  mailboxes: listOf(mailboxAddressSchema),
  groups: listOf(groupRefSchema),
  rules: listOf(ruleSchema),
  folders: listOf(folderExclusionSchema),
  /** Items older than this. A job that has an age by the same time elsewhere has the shorter one. */
  itemAge: itemAgeSchema.optional(),
});
export type Exclusions = z.infer<typeof exclusionsSchema>;
export const noExclusions: Exclusions = { mailboxes: [], groups: [], rules: [], folders: [] };

/** Another repository for some mailboxes of a job; of several destinations the first that matches counts. */
export const destinationSchema = z.strictObject({
  repositoryId: idSchema,
  match: z.array(sourceSchema).min(1, 'say which mailboxes go there').max(most),
});
export type Destination = z.infer<typeof destinationSchema>;

/** Why a mailbox of the organization is not in a scope. */
export const outReasons = [
  'no-source',
  'excluded-mailbox',
  'excluded-group',
  'excluded-rule',
  'gone',
  'not-chosen',
] as const;
export type OutReason = (typeof outReasons)[number];

/** One who joined or left the scope of a job between two runs. */
export const scopeMoveSchema = z.object({
  mailboxId: idSchema,
  address: z.string(),
  /** Why it left. */
  reason: z.enum(outReasons).optional(),
});

/** The most mailboxes that such a list names; `count` has the whole number. */
export const scopeMovesListed = 100;
const movesSchema = z.object({
  count: z.number().int().min(0),
  mailboxes: z.array(scopeMoveSchema).max(scopeMovesListed),
});

/** How the scope of a run differs from that of the run before it. */
export const scopeChangeSchema = z.object({
  /** The run it is compared with. */
  sinceRunId: idSchema,
  joined: movesSchema,
  left: movesSchema,
});
export type ScopeChange = z.infer<typeof scopeChangeSchema>;
