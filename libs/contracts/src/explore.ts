import { z } from 'zod';
import { idSchema } from './ids.ts';
import { question } from './question.ts';

const iso = z.iso.datetime();
const count = z.number().int().min(0);

/** A restore point as the explorer names it. */
export const pointOfTimeSchema = z.object({ pointId: z.string(), pointName: z.string(), time: iso });

/**
 * `present`: at this place in this form in the newest point; `moved`: in another folder now; `changed`: here in another
 * form now; `deleted`: nowhere in the newest point.
 */
export const itemStatusSchema = z.enum(['present', 'moved', 'changed', 'deleted']);

const placeOfItem = {
  organizationId: z.string(),
  repositoryId: z.string(),
  mailboxId: z.string(),
  mailboxKey: z.string(),
  address: z.string(),
  itemKey: z.string(),
  folderId: z.string(),
  folderPath: z.string(),
};

/** An item in the range of restore points in which it lived in this form at this place. */
export const catalogItemSchema = z.object({
  ...placeOfItem,
  time: iso,
  size: count,
  kind: z.string(),
  subject: z.string(),
  from: z.string(),
  hasAttachments: z.boolean(),
  attachments: z.array(z.string()),
  /** State at that time, such as `isRead`. */
  state: z.record(z.string(), z.unknown()),
  validFrom: pointOfTimeSchema,
  /** The last restore point that has it: open it there. */
  validTo: pointOfTimeSchema,
  status: itemStatusSchema,
});
export type CatalogItemView = z.infer<typeof catalogItemSchema>;

/** A piece of a text with what was found in it; places are offsets into `text`. */
export const snippetSchema = z.object({
  field: z.enum(['subject', 'from', 'to', 'attachment', 'body']),
  text: z.string(),
  marks: z.array(z.tuple([count, count])),
});

export const catalogHitSchema = z.object({
  ...catalogItemSchema.shape,
  snippets: z.array(snippetSchema),
  /** Items of the mailbox with the very same content; the hit is one of them. */
  places: count,
});
export type CatalogHitView = z.infer<typeof catalogHitSchema>;

/** How much is announced and not yet in the catalog. */
export const behindSchema = z.object({ points: count, since: iso.optional() });

export const searchPageSchema = z.object({
  items: z.array(catalogHitSchema),
  next: z.string().optional(),
  behind: behindSchema,
  /** Set when a part of a word stands for more words than are looked for at once: give more letters. */
  tooManyWords: z.boolean().optional(),
});
export type SearchPageView = z.infer<typeof searchPageSchema>;

const fieldNames = z.enum(['subject', 'from', 'to', 'attachment', 'body']);

/** Words to look for, instead of or beside the words of `query`. */
const termSchema = z.strictObject({
  text: z.string().min(1).max(200),
  in: z.array(fieldNames).min(1).optional(),
  /** `word`: as it is; `prefix`: begins with it; `suffix`: ends with it; `part`: has it in it. */
  match: z.enum(['word', 'prefix', 'suffix', 'part']).default('word'),
  not: z.boolean().optional(),
});

const ids = z.array(idSchema).min(1).max(1000);

/** What to search: words as people type them, filters, and where and when. */
export const searchInputSchema = z.strictObject({
  query: z
    .string()
    .max(1000)
    .optional()
    .meta({
      description:
        'word, "words side by side", begin*, *part*, -not, from: to: subject: body: attachment:, has:attachment, kind:, after: before: larger: smaller: folder:',
      examples: ['*invoic* from:anna has:attachment after:2026-01-01'],
    }),
  /** Look for words without `*` as parts of words. */
  parts: z.boolean().optional(),
  terms: z.array(termSchema).max(32).optional(),
  organizationIds: ids.optional(),
  mailboxIds: ids.optional(),
  repositoryIds: ids.optional(),
  /** `ever` (default): all that was in a point that is kept; `latest`; a time; or a restore point's id. */
  asOf: z.string().max(200).default('ever'),
  after: iso.optional(),
  before: iso.optional(),
  larger: count.optional(),
  smaller: count.optional(),
  hasAttachments: z.boolean().optional(),
  kind: z.enum(['message', 'meeting', 'event', 'contact', 'task']).optional(),
  folder: z.string().min(1).max(1000).optional(),
  /** `false`: not what is in Recoverable Items. */
  recoverable: z.boolean().optional(),
  order: z.enum(['date', 'rank']).default('date'),
  limit: z.number().int().min(1).max(200).default(50),
  cursor: z.string().max(2000).optional().meta({ description: 'The `next` of the page before.' }),
});
export type SearchInput = z.output<typeof searchInputSchema>;

export const catalogFolderSchema = z.object({
  id: z.string(),
  parentId: z.string().nullable(),
  name: z.string(),
  path: z.string(),
  role: z.string().optional(),
  /** `deleted`: in a kept restore point, not in the newest one. */
  status: z.enum(['present', 'deleted']),
});

/** A mailbox of the catalog. */
export const catalogMailboxSchema = z.object({
  repositoryId: z.string(),
  mailboxKey: z.string(),
  organizationId: z.string(),
  mailboxId: z.string(),
  address: z.string(),
  indexedPoints: count,
  newest: pointOfTimeSchema.optional(),
  behind: behindSchema,
  trouble: z.object({ code: z.string(), message: z.string(), at: iso }).optional(),
});

/** A mailbox as its repository has it, with or without control data. */
export const repositoryMailboxSchema = z.object({
  /** The repository's own name of it. */
  mailboxKey: z.string(),
  mailboxId: z.string(),
  organizationId: z.string(),
  address: z.string(),
  points: count,
  checkpoints: count,
  oldest: iso,
  newest: iso,
});

/** A point of a mailbox's timeline. */
export const timelinePointSchema = z.object({
  /** Names it everywhere: `<repositoryId>.<pointId>`. */
  id: z.string(),
  pointId: z.string(),
  pointName: z.string(),
  mailboxKey: z.string(),
  time: iso,
  /** `complete`: everything the source had; `gaps`: items are missing; `partial`: saved on the way, not finished. */
  completeness: z.enum(['complete', 'gaps', 'partial']),
  kind: z.enum(['full', 'checkpoint']),
  items: count,
  folders: count,
  gaps: count,
  new: count,
  changed: count,
  removed: count,
  bytes: count,
  /** What the source said it had; absent where it did not say. */
  reported: count.optional(),
});

export type TimelinePoint = z.infer<typeof timelinePointSchema>;

export const previewAttachmentSchema = z.object({
  /** Names it in the download's path. */
  path: z.string(),
  name: z.string(),
  contentType: z.string(),
  /** Bytes, near enough. */
  size: count,
  inline: z.boolean(),
  contentId: z.string().optional(),
  /** Why its bytes are not there. */
  missing: z.string().optional(),
});

/** What a person sees of an item; the HTML and the attachments have routes of their own. */
export const previewSchema = z.object({
  itemKey: z.string(),
  folderId: z.string(),
  kind: z.string(),
  subject: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  cc: z.array(z.string()),
  bcc: z.array(z.string()),
  sent: iso.optional(),
  received: iso.optional(),
  state: z.record(z.string(), z.unknown()),
  size: count,
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  text: z.string(),
  hasHtml: z.boolean(),
  hasSource: z.boolean(),
  attachments: z.array(previewAttachmentSchema),
  /** What is not shown, and why. */
  notes: z.array(z.string()),
});
export type Preview = z.infer<typeof previewSchema>;

const changeKinds = z.enum(['new', 'deleted', 'moved', 'changed']);

/** What is different between two states of a mailbox: of its items, and by folder. */
export const comparedItemSchema = z.object({
  change: changeKinds,
  itemKey: z.string(),
  /** Where it is in the second state; where it was when it is not there any more. */
  folderId: z.string(),
  folderPath: z.string(),
  /** Where a moved item was. */
  fromFolderPath: z.string().optional(),
  /** What of a changed or moved item is different. */
  what: z.array(z.enum(['content', 'state'])),
  subject: z.string(),
  from: z.string(),
  time: iso,
  size: count,
});
export type ComparedItem = z.infer<typeof comparedItemSchema>;

const changeCounts = { new: count, deleted: count, moved: count, changed: count };

export const comparedFolderSchema = z.object({
  folderId: z.string(),
  folderPath: z.string(),
  /** Of the folder itself; absent when it is in both states. */
  change: z.enum(['new', 'deleted', 'changed']).optional(),
  ...changeCounts,
});
export type ComparedFolder = z.infer<typeof comparedFolderSchema>;

export const comparisonSchema = z.object({
  totals: z.object(changeCounts),
  /** Folders with differences. */
  folders: z.array(comparedFolderSchema),
  items: z.array(comparedItemSchema),
  next: z.string().optional(),
  /** When the comparison was made: pages of one comparison have the same time. */
  at: iso,
  /** True when there are more differences than can be listed; the counts are whole. */
  cut: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

const pointOfView = { repositoryId: idSchema, pointName: z.string() };
const itemOfPoint = { ...pointOfView, folderId: z.string(), itemKey: z.string() };
const page = { limit: z.number().int().min(1).max(1000), after: z.string().optional() };
const mailboxOfRepository = { repositoryId: idSchema, mailboxKey: z.string().regex(/^[0-9a-f]{32}$/) };

/** The questions of the explorer's catalog, preview and repository lists; answered by restore workers. */
export const exploreQuestions = {
  searchCatalog: question('restore', 'search', searchInputSchema, searchPageSchema),
  catalogFolders: question(
    'restore',
    'catalog-folders',
    z.object(mailboxOfRepository),
    z.object({ folders: z.array(catalogFolderSchema), behind: behindSchema }),
  ),
  /** All that ever was in a folder, newest first. */
  catalogItems: question(
    'restore',
    'catalog-items',
    z.object({ ...mailboxOfRepository, folderId: z.string(), ...page }),
    z.object({ items: z.array(catalogItemSchema), next: z.string().optional(), behind: behindSchema }),
  ),
  /** Every form and place of one item, newest first. */
  itemHistory: question(
    'restore',
    'item-history',
    z.object({ ...mailboxOfRepository, itemKey: z.string() }),
    z.object({ items: z.array(catalogItemSchema), behind: behindSchema }),
  ),
  catalogStatus: question(
    'restore',
    'catalog-status',
    z.object({ organizationIds: ids.optional(), repositoryIds: ids.optional(), ...page }),
    z.object({ items: z.array(catalogMailboxSchema), next: z.string().optional(), behind: behindSchema }),
  ),
  /** Makes the catalog of mailboxes anew from their repository. */
  rebuildCatalog: question(
    'restore',
    'rebuild-catalog',
    z.object({ repositoryId: idSchema, mailboxKey: z.string().optional() }),
    z.object({ mailboxes: count }),
  ),
  /** Mailboxes of a repository by their key. */
  repositoryMailboxes: question(
    'restore',
    'repository-mailboxes',
    z.object({ repositoryId: idSchema, ...page }),
    z.object({ items: z.array(repositoryMailboxSchema), next: z.string().optional() }),
  ),
  /** The timeline of a mailbox, newest first. */
  repositoryPoints: question(
    'restore',
    'repository-points',
    z.object({ ...mailboxOfRepository, ...page }),
    z.object({ items: z.array(timelinePointSchema), next: z.string().optional() }),
  ),
  /** The repository's name of a mailbox, by its identity in the directory. */
  mailboxKeyOf: question(
    'restore',
    'mailbox-key',
    z.object({ repositoryId: idSchema, mailboxIdentity: z.string() }),
    z.object({ mailboxKey: z.string() }),
  ),
  /** A restore point that the control data does not know, by its id. */
  findPoint: question(
    'restore',
    'find-point',
    z.object({ repositoryId: idSchema, pointId: z.string().regex(/^[0-9a-f]{16,32}$/) }),
    z.object({ point: timelinePointSchema.optional() }),
  ),
  /** A restore point with a later one, or with the mailbox as it is now. */
  comparePoint: question(
    'restore',
    'compare',
    z.object({
      ...pointOfView,
      with: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('point'), pointName: z.string() }),
        z.object({ kind: z.literal('live'), organizationId: idSchema, mailboxId: idSchema }),
      ]),
      folderId: z.string().optional(),
      change: changeKinds.optional(),
      ...page,
    }),
    comparisonSchema,
  ),
  previewItem: question('restore', 'preview', z.object(itemOfPoint), previewSchema),
  /**
   * A slice of the safe HTML of an item, or of an attachment: base64, 512 KiB at most. Slices are read one after the
   * other; `end` is true with the last one.
   */
  itemContent: question(
    'restore',
    'content',
    z.object({
      ...itemOfPoint,
      content: z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('html') }),
        z.object({ kind: z.literal('attachment'), path: z.string() }),
      ]),
      offset: z.number().int().min(0),
    }),
    z.object({
      data: z.string(),
      end: z.boolean(),
      /** With the first slice of an attachment. */
      attachment: previewAttachmentSchema.optional(),
    }),
  ),
} as const;
