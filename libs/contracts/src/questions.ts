import { z } from 'zod';
import { exploreQuestions } from './explore.ts';
import { exportFileSchema } from './exportSession.ts';
import { idSchema } from './ids.ts';
import { checkSchema } from './organization.ts';
import { question } from './question.ts';
import { backendSchema } from './repositoryRecord.ts';
import { gapSchema } from './run.ts';
import { scriptSchema } from './script.ts';

const pointOfView = { repositoryId: idSchema, pointName: z.string() };

/** An item as the explorer lists it, straight from the restore point's trees. */
export const listedItemSchema = z.object({
  itemKey: z.string(),
  folderId: z.string(),
  time: z.iso.datetime(),
  size: z.number(),
  subject: z.string(),
  from: z.string(),
  hasAttachments: z.boolean(),
  isRead: z.boolean().optional(),
});
export type ListedItem = z.infer<typeof listedItemSchema>;

export const listedFolderSchema = z.object({
  id: z.string(),
  parentId: z.string().nullable(),
  name: z.string(),
  path: z.string(),
  role: z.string().optional(),
  /** Container class such as `IPF.Note`, where the backup recorded it. */
  class: z.string().optional(),
  items: z.number(),
});
export type ListedFolder = z.infer<typeof listedFolderSchema>;

/** A group as the directory lists it. */
export const foundGroupSchema = z.object({
  groupId: z.string(),
  displayName: z.string(),
  address: z.string().optional(),
});
export type FoundGroup = z.infer<typeof foundGroupSchema>;

/** The questions that services ask each other; subject: `ask.<service>.<pool>.<name>`. */
export const questions = {
  ...exploreQuestions,
  /** Runs the named checks of a stored organization. */
  verifyOrganization: question(
    'sync',
    'verify-organization',
    /** `probe`: how many mailboxes are tried at most, spread over the directory. */
    z.object({ organizationId: idSchema, probe: z.number().int().min(1).max(100_000).optional() }),
    z.object({ checks: z.array(checkSchema) }),
  ),
  /** Reads users and the named groups from the directory into the store; with `kinds` the kinds of mailboxes too. */
  refreshInventory: question(
    'sync',
    'refresh-inventory',
    z.object({
      organizationId: idSchema,
      groupIds: z.array(z.string()),
      kinds: z.boolean().optional(),
    }),
    z.object({ mailboxes: z.number(), gone: z.number(), unknownGroups: z.array(z.string()).optional() }),
  ),
  /** Reads only the named groups from the directory into the store. */
  readGroups: question(
    'sync',
    'read-groups',
    z.object({ organizationId: idSchema, groupIds: z.array(z.string()) }),
    z.object({ unknownGroups: z.array(z.string()) }),
  ),
  /** Groups of the directory whose name begins with the text. */
  findGroups: question(
    'sync',
    'find-groups',
    z.object({ organizationId: idSchema, search: z.string(), limit: z.number().int().min(1).max(100) }),
    z.object({ groups: z.array(foundGroupSchema) }),
  ),
  /** Whether the scheduler would start these scripts; `field` is a path within the script. */
  checkScripts: question(
    'scheduler',
    'check-scripts',
    z.object({ scripts: z.array(scriptSchema).max(10) }),
    z.object({
      /** Problems of each script, in the order of the question. */
      problems: z.array(z.array(z.object({ field: z.string(), message: z.string() }))),
    }),
  ),
  /** Makes a repository or opens an existing one; `sealedPassphrase` is unsealed by the proxy. */
  prepareRepository: question(
    'sync',
    'prepare-repository',
    z.object({ backend: backendSchema, sealedPassphrase: z.string(), mode: z.enum(['create', 'attach']) }),
    z.object({ engineId: z.string(), recoveryKey: z.string().optional() }),
  ),
  /** Free and whole size of the disk that holds a repository; absent where a backend has no such limit. */
  measureRepository: question(
    'sync',
    'measure-repository',
    z.object({ repositoryId: idSchema }),
    z.object({ freeBytes: z.number().optional(), totalBytes: z.number().optional() }),
  ),
  /** What a person needs to know to get at a repository without this installation; no secrets. */
  describeRepository: question(
    'sync',
    'describe-repository',
    z.object({ backend: backendSchema, sealedPassphrase: z.string() }),
    z.object({
      repositoryId: z.string(),
      format: z.number(),
      createdAt: z.string(),
      slots: z.array(
        z.object({
          slotId: z.string(),
          kind: z.enum(['passphrase', 'recovery']),
          createdAt: z.string(),
          kdf: z.string(),
        }),
      ),
    }),
  ),
  /** The files of an export, in order of their names. */
  exportFiles: question(
    'restore',
    'export-files',
    z.object({ sessionId: idSchema }),
    z.object({ files: z.array(exportFileSchema) }),
  ),
  /** A slice of a file of an export, base64; at most 512 KiB. */
  exportSlice: question(
    'restore',
    'export-slice',
    z.object({ sessionId: idSchema, name: z.string(), offset: z.number().int().min(0) }),
    z.object({ size: z.number(), data: z.string() }),
  ),
  exploreFolders: question(
    'restore',
    'folders',
    z.object(pointOfView),
    z.object({ folders: z.array(listedFolderSchema) }),
  ),
  /** A page of a folder, newest first; `after` is the cursor of the page before. */
  exploreItems: question(
    'restore',
    'items',
    z.object({
      ...pointOfView,
      folderId: z.string(),
      after: z.string().optional(),
      limit: z.number().int().min(1).max(1000),
    }),
    z.object({ items: z.array(listedItemSchema), next: z.string().optional() }),
  ),
  /** The gaps named by a restore point. */
  exploreGaps: question('restore', 'gaps', z.object(pointOfView), z.object({ gaps: z.array(gapSchema) })),
  /** A slice of an item's MIME, base64; `size` is that of the whole. At most 512 KiB a slice. */
  exploreMime: question(
    'restore',
    'mime',
    z.object({ ...pointOfView, folderId: z.string(), itemKey: z.string(), offset: z.number().int().min(0) }),
    z.object({ size: z.number(), sha256: z.string(), data: z.string() }),
  ),
  /**
   * What removing these restore points would free: objects that no other restore point needs, and their stored bytes.
   * `at-most`: other mailboxes, which may share some, were not all looked at; `not-measured`: there was too much.
   */
  measureFreed: question(
    'retention',
    'measure-freed',
    z.object({ repositoryId: idSchema, mailboxId: idSchema, pointNames: z.array(z.string()).max(5_000) }),
    z.object({
      objects: z.number(),
      bytes: z.number(),
      bound: z.enum(['exact', 'at-most', 'not-measured']),
    }),
  ),
} as const;

export type Questions = typeof questions;
export type QuestionName = keyof Questions;
export type Asked<N extends QuestionName> = z.infer<Questions[N]['request']>;
export type Answered<N extends QuestionName> = z.infer<Questions[N]['reply']>;
