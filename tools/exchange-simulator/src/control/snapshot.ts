import { createHash } from 'node:crypto';
import { plainText } from '../graph/plainText.ts';
import type { Correspondent, Item, MimeForm } from '../mailbox/content.ts';
import { changeKey } from '../mailbox/ids.ts';
import {
  type Folder,
  type Mailbox,
  RECOVERABLE_DELETIONS,
  RECOVERABLE_PURGES,
  ROOT,
} from '../mailbox/mailbox.ts';
import { graphTime } from '../timeText.ts';
import type { FolderInfo, MessageSnapshot } from './api.ts';

const sha256 = (data: Buffer | string) => createHash('sha256').update(data).digest('hex');

function mimeHash(mime: MimeForm): string {
  const hash = createHash('sha256');
  if ('bytes' in mime) hash.update(mime.bytes);
  else for (const chunk of mime.chunks()) hash.update(chunk);
  return hash.digest('hex');
}

/** Names from the root down to a folder. */
export function folderPath(mailbox: Mailbox, folder: Folder): string {
  const names: string[] = [];
  for (
    let at: Folder | undefined = folder;
    at && at.number !== ROOT;
    at = at.parent === null ? undefined : mailbox.folder(at.parent)
  )
    names.unshift(at.displayName);
  return names.join('\t');
}

export function folderInfo(mailbox: Mailbox, folder: Folder): FolderInfo {
  return {
    id: mailbox.ids.folder(folder.number),
    displayName: folder.displayName,
    path: folderPath(mailbox, folder),
    parentFolderId: folder.parent === null ? null : mailbox.ids.folder(folder.parent),
    wellKnownName: folder.wellKnownName,
    isHidden: folder.isHidden,
    folderClass: folder.folderClass,
    totalItemCount: mailbox.totalCount(folder.number),
    unreadItemCount: mailbox.unreadCount(folder.number),
  };
}

/** The folders that can hold messages, Recoverable Items last. */
export function snapshotFolders(mailbox: Mailbox): Folder[] {
  const recoverable = [mailbox.folder(RECOVERABLE_DELETIONS), mailbox.folder(RECOVERABLE_PURGES)].filter(
    (folder) => folder !== undefined,
  );
  return [...mailbox.allFolders(), ...recoverable];
}

const show = (person: Correspondent) => `${person.name} <${person.address}>`;

/** One message with everything that can be compared after a restore. */
export async function messageSnapshot(mailbox: Mailbox, item: Item): Promise<MessageSnapshot> {
  const content = await item.content.properties();
  const { state } = item;
  const body = content.body();
  const mime = item.content.mime();
  const folder = mailbox.folder(item.folder);
  const attachments = [];
  for (const { ordinal, contentLocation: _, ...info } of content.attachments) {
    attachments.push({
      kind: info.kind,
      name: info.name,
      contentType: info.contentType,
      size: info.size,
      isInline: info.isInline,
      contentId: info.contentId,
      sha256: sha256(await item.content.attachmentBytes(ordinal)),
    });
  }
  return {
    id: mailbox.ids.message(item.n, 0, true),
    regularId: mailbox.ids.message(item.n, item.moves, false),
    folderId: mailbox.ids.folder(item.folder),
    folderPath: folder ? folderPath(mailbox, folder) : '',
    changeKey: changeKey(item.n, state.version),
    internetMessageId: content.internetMessageId,
    subject: content.subject,
    from: content.from ? show(content.from) : null,
    sender: content.sender ? show(content.sender) : null,
    to: content.to.map(show),
    cc: content.cc.map(show),
    bcc: content.bcc.map(show),
    replyTo: content.replyTo.map(show),
    receivedDateTime: graphTime(state.receivedAt),
    sentDateTime: graphTime(content.sentAt ?? state.receivedAt),
    isRead: state.isRead,
    isDraft: state.isDraft,
    flag: { ...state.flag },
    categories: state.categories,
    importance: state.importance,
    inferenceClassification: state.inferenceClassification,
    isReadReceiptRequested: state.isReadReceiptRequested,
    isDeliveryReceiptRequested: state.isDeliveryReceiptRequested,
    bodyType: body.html === null ? 'text' : 'html',
    bodySha256: sha256(body.html ?? body.text ?? plainText('')),
    mimeSize: mime.length,
    mimeSha256: mimeHash(mime),
    attachments,
    extended: Object.fromEntries(state.extended),
  };
}

/** Every message of a mailbox, folder by folder, newest first. */
export async function* messageSnapshots(mailbox: Mailbox): AsyncGenerator<MessageSnapshot> {
  for (const folder of snapshotFolders(mailbox)) {
    if (folder.isSearchFolder) continue;
    const contents = mailbox.contents(folder.number);
    for (const n of [...contents.range(0, contents.count)]) {
      const item = mailbox.item(n);
      if (item) yield await messageSnapshot(mailbox, item);
    }
  }
}
