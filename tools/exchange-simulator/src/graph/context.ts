import type { Clock } from '../clock.ts';
import type { DirectoryUser } from '../directory/tenant.ts';
import type { Item } from '../mailbox/content.ts';
import type { Folder, Mailbox } from '../mailbox/mailbox.ts';
import type { Spool } from '../mailbox/spool.ts';
import type { DeltaChaos, Limits } from '../options.ts';
import type { Random } from '../random.ts';
import type { DeltaTokens } from './deltaTokens.ts';
import { GraphError, itemNotFound, malformedId } from './errors.ts';
import type { GraphRequest } from './request.ts';

/** A large attachment that a client is going to upload. */
export interface UploadFile {
  readonly tenantId: string;
  readonly clientId: string;
  readonly userId: string;
  /** Number of the message in its mailbox. */
  readonly n: number;
  readonly size: number;
  readonly name: string;
  readonly contentType: string | null;
  readonly isInline: boolean;
  readonly contentId: string | null;
  readonly immutable: boolean;
}

/** Opens upload sessions. */
export interface UploadOpener {
  open(file: UploadFile): { readonly id: string; readonly secret: string; readonly expiresAt: number };
}

/** What all Graph handlers share. */
export interface GraphState {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly spool: Spool;
  readonly tokens: DeltaTokens;
  readonly uploads: UploadOpener;
  readonly random: Random;
  chaos: DeltaChaos;
  mailAdvancedEnforcement: boolean;
  readonly uploadHost: string | undefined;
}

/** A request about one mailbox. */
export interface MailContext {
  readonly state: GraphState;
  readonly request: GraphRequest;
  readonly user: DirectoryUser;
  readonly mailbox: Mailbox;
}

/** Names that Graph knows; a mailbox need not have every one of these folders. */
const WELL_KNOWN = new Set([
  'archive',
  'clutter',
  'conflicts',
  'conversationhistory',
  'deleteditems',
  'drafts',
  'inbox',
  'junkemail',
  'localfailures',
  'msgfolderroot',
  'outbox',
  'recoverableitemsdeletions',
  'scheduled',
  'searchfolders',
  'sentitems',
  'serverfailures',
  'syncissues',
]);

/** The folder with an id or well-known name. Throws 404 or 400 as Graph does. */
export function folderOf(context: MailContext, idOrName: string): Folder {
  const byName =
    /^[a-z]+$/i.test(idOrName) && idOrName.length < 40
      ? context.mailbox.folderByWellKnownName(idOrName.toLowerCase())
      : undefined;
  if (byName) return byName;
  if (WELL_KNOWN.has(idOrName.toLowerCase())) throw itemNotFound();
  const decoded = context.mailbox.ids.decode(idOrName);
  if (decoded === undefined) throw malformedId();
  if (decoded === 'foreign') throw foreignId();
  const folder = decoded.kind === 'folder' ? context.mailbox.folder(decoded.number) : undefined;
  if (!folder) throw itemNotFound();
  return folder;
}

/** The message with an id of either format. Throws 404 when it is gone or the regular id is from before a move. */
export function itemOf(context: MailContext, id: string): Item {
  const decoded = context.mailbox.ids.decode(id);
  if (decoded === undefined) throw malformedId();
  if (decoded === 'foreign') throw foreignId();
  if (decoded.kind !== 'message') throw malformedId();
  const item = context.mailbox.item(decoded.n);
  if (!item || (!decoded.immutable && decoded.moves !== (item.moves & 0xffff))) throw itemNotFound();
  return item;
}

const foreignId = () =>
  new GraphError(400, 'ErrorInvalidMailboxItemId', "Item Id doesn't belong to the current mailbox.");

/** The id of a message in the format that the client prefers. */
export function messageId(context: MailContext, item: Item): string {
  return context.mailbox.ids.message(item.n, item.moves, context.request.prefer.immutableIds);
}

/** Path of the user for context annotations and links. */
export const userPath = (context: MailContext) =>
  `${context.request.root}/users/${encodeURIComponent(context.user.id)}`;
