import { readFile } from 'node:fs/promises';
import type { RestorePointRecord } from '@holdfast/contracts';
import type { Command } from 'commander';
import type { Client } from '../client.ts';
import { UsageError } from '../errors.ts';
import { collect } from '../options.ts';
import { resolveMailbox, resolveNamed, resolvePoint } from '../resolve.ts';

/** What a restore or an export is of. */
export interface SelectionOptions {
  mailbox: string[];
  org?: string;
  repo?: string;
  point?: string;
  folder: string[];
  subfolders: boolean;
  item: string[];
  itemsFile?: string;
  asOf?: string;
  recoverable?: boolean;
}

function selectionOf(options: SelectionOptions): object {
  if (options.folder.length > 0 && options.item.length > 0)
    throw new UsageError('give --folder or --item, not both');
  if (options.folder.length > 0) {
    return { kind: 'folders', folders: options.folder, withSubfolders: options.subfolders };
  }
  if (options.item.length === 0) return { kind: 'mailbox' };
  const items = options.item.map((text) => {
    const slash = text.indexOf('/');
    if (slash < 1)
      throw new UsageError(`--item "${text}" must be FOLDER-ID/ITEM-KEY, as point items shows them`);
    return { folderId: text.slice(0, slash), itemKey: text.slice(slash + 1) };
  });
  return { kind: 'items', items };
}

/** Items that a search has found, as it printed them with --json: a list, or an object with `items`. */
async function searchSelection(file: string): Promise<object> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`--items-file: ${file} cannot be read (${error.message})`);
  });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UsageError(`--items-file: ${file} is no JSON`);
  }
  const found = Array.isArray(document) ? document : (document as { items?: unknown }).items;
  if (!Array.isArray(found)) throw new UsageError(`--items-file: ${file} has no list of items`);
  const items = (found as Record<string, unknown>[]).map(({ mailboxId, pointId, folderId, itemKey }) => ({
    ...{ mailboxId, folderId, itemKey },
    ...(pointId === undefined ? {} : { pointId }),
  }));
  return { kind: 'search', items };
}

/** Mailboxes, repository and point from what is given; a point names all three. */
async function placeOf(client: Client, options: SelectionOptions): Promise<object> {
  if (options.point !== undefined) {
    const point: RestorePointRecord = await resolvePoint(client, options.point, {
      organization: options.org,
      repository: options.repo,
    });
    return { mailboxId: point.mailboxId, repositoryId: point.repositoryId, pointId: point.pointId };
  }
  const repository = async () => (await resolveNamed(client, 'repository', options.repo)).id;
  if (options.itemsFile !== undefined) return { repositoryId: await repository() };
  const mailboxes: string[] = [];
  for (const address of options.mailbox)
    mailboxes.push((await resolveMailbox(client, address, options.org)).id);
  const [mailboxId, ...others] = mailboxes;
  if (mailboxId === undefined)
    throw new UsageError('give --mailbox ADDRESS, --point ID, or --items-file FILE');
  if (others.length === 0) return { mailboxId, repositoryId: await repository() };
  return { sources: mailboxes.map((id) => ({ mailboxId: id })), repositoryId: await repository() };
}

/** The part of a request that says what is restored or exported. @throws UsageError */
export async function selectedOf(client: Client, options: SelectionOptions): Promise<object> {
  const { asOf, itemsFile, recoverable } = options;
  return {
    ...(await placeOf(client, options)),
    selection: itemsFile === undefined ? selectionOf(options) : await searchSelection(itemsFile),
    ...(asOf === undefined ? {} : { asOf }),
    ...(recoverable === true ? { includeRecoverable: true } : {}),
  };
}

export const selectionOptions = (command: Command): Command =>
  command
    .option('--mailbox <address>', 'the mailbox that was backed up (repeat for more)', collect, [])
    .option('--org <org>', 'its organization, when several have the address')
    .option('--repo <repo>', 'repository, when there are several')
    .option('--point <point>', 'restore point; the newest complete one by default')
    .option('--as-of <time>', 'the newest restore point that is not younger, such as 2026-03-01T00:00:00Z')
    .option('--folder <path>', 'only this folder, by path or id (repeat for more)', collect, [])
    .option('--no-subfolders', 'not what is below the folders')
    .option('--item <folder/key>', 'only this item (repeat for more)', collect, [])
    .option('--items-file <file>', 'the items in this JSON file, as a search prints them')
    .option('--recoverable', 'Recoverable Items as well');
