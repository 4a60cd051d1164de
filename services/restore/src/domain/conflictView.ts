import type {
  ContentComparison,
  ExistingItem,
  Folder,
  MailboxWriter,
  RestorableItem,
} from '@holdfast/exchange';
import {
  type ConflictPolicy,
  comparesContents,
  type Decision,
  decideItem,
  looksElsewhere,
} from './decideItem.ts';
import type { DigestList } from './digestList.ts';
import {
  type ExistingItems,
  type MadeBefore,
  type MailboxItems,
  readExisting,
  readMailboxItems,
} from './existingItems.ts';
import { foldersInUse } from './targetFolders.ts';

/** What to do with an item, and the identities that it takes of the folder for that. */
export interface FolderDecision extends Decision {
  taken: string[];
}

/** One target folder as the conflict policy sees it. */
export interface FolderView {
  decide(item: RestorableItem): FolderDecision;
  madeBefore(marker: string): MadeBefore | undefined;
}

export interface ViewDeps {
  writer: Pick<MailboxWriter, 'existing' | 'identityKey' | 'contentSign'>;
  policy: ConflictPolicy;
  /** What of the state does not come back, so that it is no difference. */
  comparison: ContentComparison;
  isOurs: (marker: string) => boolean;
  isLedgered: (marker: string) => boolean;
  takenBefore: (targetFolderId: string) => DigestList | undefined;
  /** ` (restored 2026-03-01)`: the same on every attempt of the session. */
  renameSuffix: string;
  folders: readonly Folder[];
}

/** The target mailbox as the conflict policy sees it; each folder is read once. */
export interface ConflictView {
  folder(targetFolderId: string | undefined): Promise<FolderView>;
}

export function createConflictView(deps: ViewDeps): ConflictView {
  const { writer, policy } = deps;
  const content = comparesContents(policy) ? deps.comparison : undefined;
  const views = new Map<string, Promise<FolderView>>();
  let everywhere: Promise<MailboxItems | undefined> | undefined;

  async function* allItems(): AsyncIterable<ExistingItem[]> {
    for (const { id } of foldersInUse(deps.folders)) yield* writer.existing(id, { content });
  }
  function mailboxItems(): Promise<MailboxItems | undefined> {
    everywhere ??= looksElsewhere(policy)
      ? readMailboxItems(allItems(), deps.isOurs)
      : Promise.resolve(undefined);
    return everywhere;
  }
  async function read(targetFolderId: string | undefined): Promise<FolderView> {
    const pages = targetFolderId === undefined ? nothing() : writer.existing(targetFolderId, { content });
    const { isOurs, isLedgered } = deps;
    const takenBefore = targetFolderId === undefined ? undefined : deps.takenBefore(targetFolderId);
    const existing = await readExisting(pages, { isOurs, isLedgered, takenBefore });
    return viewOf(deps, existing, await mailboxItems());
  }

  return {
    folder(targetFolderId) {
      // Folders that have to be made are empty, each on its own.
      if (targetFolderId === undefined) return read(undefined);
      let view = views.get(targetFolderId);
      if (view === undefined) {
        view = read(targetFolderId);
        views.set(targetFolderId, view);
        view.catch(() => views.delete(targetFolderId));
      }
      return view;
    },
  };
}

async function* nothing(): AsyncIterable<ExistingItem[]> {
  // A folder that is not there.
}

function viewOf(deps: ViewDeps, existing: ExistingItems, everywhere: MailboxItems | undefined): FolderView {
  const { writer, policy, comparison } = deps;
  return {
    madeBefore: (marker) => existing.madeBefore(marker),
    decide(item) {
      const key = writer.identityKey(item);
      const sign = comparesContents(policy) ? writer.contentSign(item, comparison) : undefined;
      const here = existing.take(key, sign);
      const elsewhere = () => everywhere?.find(key, sign) ?? 'none';
      const decision = decideItem(policy, { here, elsewhere });
      const taken = here === 'none' ? [] : [key];
      if (decision.action !== 'rename') return { ...decision, taken };
      const renamedKey = writer.identityKey(renamedItem(item, deps.renameSuffix));
      if (existing.take(renamedKey) === 'none') return { ...decision, taken };
      return {
        action: 'skip',
        reason: 'An earlier restore put it beside already.',
        taken: [...taken, renamedKey],
      };
    },
  };
}

export function renamedItem(item: RestorableItem, suffix: string): RestorableItem {
  const { subject } = item.properties;
  return { ...item, subject: `${typeof subject === 'string' ? subject : ''}${suffix}` };
}
