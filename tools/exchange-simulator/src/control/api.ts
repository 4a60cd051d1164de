import type { Expiry } from '../graph/deltaTokens.ts';
import type {
  ApplicationOptions,
  DeltaChaos,
  GroupOptions,
  Limits,
  MailboxKind,
  MailboxPurpose,
  UserOptions,
} from '../options.ts';
import type { FaultRule } from './faults.ts';
import type { Statistics } from './statistics.ts';

export interface TenantInfo {
  readonly tenantId: string;
  readonly domain: string;
  readonly users: number;
}

export interface UserInfo {
  readonly id: string;
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly kind: MailboxKind;
  readonly purpose: MailboxPurpose;
}

export interface FolderInfo {
  readonly id: string;
  readonly displayName: string;
  /** Names from the root down, joined by a tab (names may hold slashes). */
  readonly path: string;
  readonly parentFolderId: string | null;
  readonly wellKnownName: string | null;
  readonly isHidden: boolean;
  readonly folderClass: string;
  readonly totalItemCount: number;
  readonly unreadItemCount: number;
}

export interface AttachmentSnapshot {
  readonly kind: string;
  readonly name: string;
  readonly contentType: string | null;
  readonly size: number;
  readonly isInline: boolean;
  readonly contentId: string | null;
  readonly sha256: string;
}

/** Everything of a message that a restore could bring back. */
export interface MessageSnapshot {
  readonly id: string;
  readonly regularId: string;
  readonly folderId: string;
  readonly folderPath: string;
  readonly changeKey: string;
  readonly internetMessageId: string;
  readonly subject: string;
  readonly from: string | null;
  readonly sender: string | null;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  readonly replyTo: readonly string[];
  readonly receivedDateTime: string;
  readonly sentDateTime: string;
  readonly isRead: boolean;
  readonly isDraft: boolean;
  readonly flag: Readonly<Record<string, unknown>>;
  readonly categories: readonly string[];
  readonly importance: string;
  readonly inferenceClassification: string;
  readonly isReadReceiptRequested: boolean;
  readonly isDeliveryReceiptRequested: boolean;
  readonly bodyType: string;
  readonly bodySha256: string;
  readonly mimeSize: number;
  readonly mimeSha256: string;
  readonly attachments: readonly AttachmentSnapshot[];
  readonly extended: Readonly<Record<string, string>>;
}

export interface MailboxSnapshot {
  readonly folders: readonly FolderInfo[];
  readonly messages: readonly MessageSnapshot[];
}

/** State that can be set without a new content. */
export interface StateChange {
  readonly isRead?: boolean;
  readonly flagStatus?: 'notFlagged' | 'flagged' | 'complete';
  readonly categories?: readonly string[];
  readonly importance?: 'low' | 'normal' | 'high';
}

export interface Churn {
  readonly new?: number;
  readonly changed?: number;
  readonly moved?: number;
  readonly deleted?: number;
}

/** Immutable ids of what a churn touched. */
export interface ChurnResult {
  readonly new: readonly string[];
  readonly changed: readonly string[];
  readonly moved: readonly string[];
  readonly deleted: readonly string[];
}

/**
 * Looks into the simulator and changes it, past all its rules. In process and over HTTP alike. `user` is an id or
 * principal name; `folder` an id, well-known name or display name; `message` an id or an internet message id. All
 * throw RangeError (in process) or ControlRefused (over HTTP) for names that do not exist.
 */
export interface SimulatorControl {
  tenants(): Promise<TenantInfo[]>;
  users(tenantId?: string): Promise<UserInfo[]>;
  addUser(user: UserOptions, tenantId?: string): Promise<UserInfo>;
  renameUser(user: string, displayName: string): Promise<void>;
  deleteUser(user: string): Promise<void>;
  addGroup(group: GroupOptions, tenantId?: string): Promise<string>;
  addApplication(application: ApplicationOptions, tenantId?: string): Promise<void>;
  /** Replaces the direct members of a group: principal names of users, or names of groups. */
  setGroupMembers(group: string, members: readonly string[], tenantId?: string): Promise<void>;
  /** An application access policy: only members of the group may be touched; without a group it is lifted. */
  setAccessPolicy(clientId: string, group?: string): Promise<void>;
  setDepartment(user: string, department: string): Promise<void>;
  setRoles(clientId: string, roles: readonly string[]): Promise<void>;
  setMailboxKind(user: string, kind: MailboxKind): Promise<void>;
  setMailboxPurpose(user: string, purpose: MailboxPurpose): Promise<void>;

  folders(user: string): Promise<FolderInfo[]>;
  addFolder(
    user: string,
    displayName: string,
    parent?: string,
    kind?: 'folder' | 'hidden' | 'search' | 'contacts',
  ): Promise<FolderInfo>;
  renameFolder(user: string, folder: string, displayName: string): Promise<void>;
  moveFolder(user: string, folder: string, parent: string): Promise<void>;
  deleteFolder(user: string, folder: string): Promise<void>;

  /** Folders and all messages at once; `messages` streams where there are many. */
  snapshot(user: string): Promise<MailboxSnapshot>;
  messages(user: string): AsyncIterable<MessageSnapshot>;
  message(user: string, message: string): Promise<MessageSnapshot>;
  /** The MIME form, base64. */
  mime(user: string, message: string): Promise<string>;
  /** Adds a message from MIME bytes (base64); the result is its immutable id. */
  addMessage(
    user: string,
    folder: string,
    mimeBase64: string,
    state?: StateChange & { isDraft?: boolean },
  ): Promise<string>;
  /** Adds generated messages that arrive now. */
  addGenerated(user: string, folder: string, count: number): Promise<string[]>;
  /** Adds a link to a file in the cloud, as Outlook does: it has no content of its own. */
  addReferenceAttachment(user: string, message: string, name: string): Promise<void>;
  changeState(user: string, message: string, change: StateChange): Promise<void>;
  /** Gives the message another body: a new version of its content. */
  changeBody(user: string, message: string): Promise<void>;
  moveMessage(user: string, message: string, folder: string): Promise<void>;
  /** `soft` goes to Recoverable Items, `hard` is gone. */
  deleteMessage(user: string, message: string, how: 'soft' | 'hard'): Promise<void>;
  /** A day in the life of a mailbox, the same for the same seed and history. */
  churn(user: string, churn: Churn): Promise<ChurnResult>;

  statistics(): Promise<Statistics>;
  resetStatistics(): Promise<void>;
  /** Drafts that clients left behind, in all mailboxes. */
  drafts(): Promise<number>;

  addFault(rule: FaultRule): Promise<number>;
  removeFault(id: number): Promise<void>;
  clearFaults(): Promise<void>;
  faults(): Promise<{ id: number; rule: FaultRule; struck: number }[]>;
  /** How many requests a `hold` keeps waiting. */
  held(): Promise<number>;
  /** Lets them go on; returns how many there were. */
  releaseHeld(): Promise<number>;
  /** Takes Graph or the sign-in service down (`null`: up again). */
  setOutage(service: 'graph' | 'entra', outage: { readonly status: number } | 'reset' | null): Promise<void>;
  limits(): Promise<Limits>;
  setLimits(limits: Partial<Limits>): Promise<void>;
  /** Forgets what was used of the request and upload windows. */
  resetWindows(): Promise<void>;
  setChaos(chaos: Partial<DeltaChaos>): Promise<void>;
  /** `mailbox` is a user, `folder` a folder of it. */
  expireDeltaTokens(expiry?: Omit<Expiry, 'folder'> & { folder?: string }): Promise<void>;
  expireUploadSessions(): Promise<void>;
  setMailAdvancedEnforcement(on: boolean): Promise<void>;
  setTokenLifetime(seconds: number): Promise<void>;
  advanceClock(milliseconds: number): Promise<void>;
}
