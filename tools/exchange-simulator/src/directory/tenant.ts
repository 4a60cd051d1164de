import { type Corpus, createCorpus } from '../corpus/corpus.ts';
import { mailboxOwner } from '../corpus/people.ts';
import type { LoadedMail } from '../loaded/loadedMail.ts';
import { ChangeLog } from '../mailbox/changeLog.ts';
import type { MailboxBase } from '../mailbox/content.ts';
import { emptyBase, generatedBase } from '../mailbox/generatedBase.ts';
import { Mailbox } from '../mailbox/mailbox.ts';
import {
  ALL_ROLES,
  type ApplicationOptions,
  type GroupOptions,
  type MailboxKind,
  type MailboxPurpose,
  type TenantOptions,
  type UserOptions,
} from '../options.ts';
import { guidOf, hashText } from '../random.ts';

/** An application registered in the tenant. */
export interface Application {
  readonly clientId: string;
  readonly secrets: readonly { readonly value: string; readonly expiresAt?: string }[];
  readonly certificates: readonly string[];
  roles: readonly string[];
  /** Id or display name of the group whose members alone may be touched; undefined without a policy. */
  restrictedTo: string | undefined;
}

/** A directory user. */
export interface DirectoryUser {
  /** Place in the tenant's list: decides paging order. */
  readonly index: number;
  readonly id: string;
  userPrincipalName: string;
  displayName: string;
  kind: MailboxKind;
  purpose: MailboxPurpose;
  department: string | undefined;
  deleted: boolean;
  readonly makeBase: () => MailboxBase;
}

/** A directory group with its direct members. */
export interface DirectoryGroup {
  readonly id: string;
  readonly displayName: string;
  members: { readonly kind: 'user' | 'group'; readonly id: string }[];
}

/** One Microsoft 365 tenant: its applications, users, groups and mailboxes. */
export class Tenant {
  readonly tenantId: string;
  readonly domain: string;
  readonly applications = new Map<string, Application>();
  readonly users: DirectoryUser[] = [];
  readonly groups = new Map<string, DirectoryGroup>();
  readonly userLog = new ChangeLog();
  userSequence = 0;
  readonly corpus: Corpus;
  readonly #byName = new Map<string, DirectoryUser>();
  readonly #mailboxes = new Map<string, Mailbox>();
  readonly #fewFolders: boolean;
  readonly #seed: number;

  constructor(options: TenantOptions, seed: number, loaded: LoadedMail | undefined) {
    this.tenantId = options.tenantId.toLowerCase();
    this.domain = options.domain ?? 'contoso.example';
    this.#seed = hashText(`${seed} ${this.tenantId}`);
    const fill = options.fill ?? { mailboxes: 0 };
    this.#fewFolders = fill.fewFolders ?? false;
    const messages = fill.messagesPerMailbox ?? 0;
    this.corpus = createCorpus({
      seed,
      domain: this.domain,
      mailboxes: fill.mailboxes,
      messagesPerMailbox: messages,
      profile: fill.profile ?? 'standard',
      largeAttachmentMb: fill.largeAttachmentMb ?? 0,
    });
    for (const application of options.applications ?? []) this.addApplication(application);
    for (let index = 0; index < fill.mailboxes; index++) {
      const owner = mailboxOwner(index, this.domain);
      this.#insert({ userPrincipalName: owner.address, displayName: owner.name }, () =>
        loaded
          ? loaded.base(index, fill.mailboxes)
          : generatedBase(this.corpus, index, messages, this.#fewFolders),
      );
    }
    for (const user of options.users ?? []) this.addUser(user);
    for (const group of options.groups ?? []) this.addGroup(group);
  }

  addApplication(options: ApplicationOptions): Application {
    const application: Application = {
      clientId: options.clientId.toLowerCase(),
      secrets: options.secrets ?? [],
      certificates: options.certificates ?? [],
      roles: options.roles ?? ALL_ROLES,
      restrictedTo: options.restrictedTo,
    };
    this.applications.set(application.clientId, application);
    return application;
  }

  /** Adds a user; with `messages`, its mailbox holds that many generated ones. Throws RangeError for a taken name. */
  addUser(options: UserOptions): DirectoryUser {
    const index = this.users.length;
    const messages = options.messages ?? 0;
    return this.#insert(options, () =>
      messages > 0
        ? generatedBase(this.corpus, index, messages, this.#fewFolders)
        : emptyBase(this.#fewFolders),
    );
  }

  /** Adds a group. Throws RangeError for a member that does not exist. */
  addGroup(options: GroupOptions): DirectoryGroup {
    const members = this.#membersOf(options.displayName, options.members);
    const id = options.id ?? guidOf(this.#seed, hashText(`group ${options.displayName}`));
    const group = { id, displayName: options.displayName, members };
    this.groups.set(id, group);
    return group;
  }

  /** Replaces the direct members of a group. Throws RangeError for a group or member that does not exist. */
  setGroupMembers(idOrName: string, names: readonly string[]): void {
    const group = this.group(idOrName);
    if (!group) throw new RangeError(`there is no group ${idOrName}`);
    group.members = this.#membersOf(group.displayName, names);
  }

  #membersOf(displayName: string, names: readonly string[]): DirectoryGroup['members'] {
    return names.map((name) => {
      const user = this.user(name);
      if (user) return { kind: 'user' as const, id: user.id };
      const group = this.group(name);
      if (!group) throw new RangeError(`group ${displayName}: there is no member ${name}`);
      return { kind: 'group' as const, id: group.id };
    });
  }

  /** A group by id or display name. */
  group(idOrName: string): DirectoryGroup | undefined {
    return [...this.groups.values()].find((one) => one.displayName === idOrName || one.id === idOrName);
  }

  /** Is the user in the group, directly or through groups in it? */
  isMember(user: DirectoryUser, idOrName: string): boolean {
    const seen = new Set<string>();
    const visit = (group: DirectoryGroup | undefined): boolean => {
      if (!group || seen.has(group.id)) return false;
      seen.add(group.id);
      return group.members.some(({ kind, id }) =>
        kind === 'user' ? id === user.id : visit(this.groups.get(id)),
      );
    };
    return visit(this.group(idOrName));
  }

  /** A user by id or principal name, in any case. */
  user(idOrName: string): DirectoryUser | undefined {
    const user = this.#byName.get(idOrName.toLowerCase());
    return user?.deleted ? undefined : user;
  }

  /** Notes a change of a user for users/delta. */
  touchUser(user: DirectoryUser): void {
    this.userLog.append(++this.userSequence, user.index, false);
  }

  /** The mailbox of a user, made on first use; it holds only what changes. */
  mailbox(user: DirectoryUser): Mailbox {
    let mailbox = this.#mailboxes.get(user.id);
    if (!mailbox) {
      mailbox = new Mailbox(user.id, user.makeBase());
      this.#mailboxes.set(user.id, mailbox);
    }
    return mailbox;
  }

  /** The mailboxes that were asked for so far. */
  openMailboxes(): Iterable<Mailbox> {
    return this.#mailboxes.values();
  }

  #insert(options: UserOptions, makeBase: () => MailboxBase): DirectoryUser {
    const index = this.users.length;
    const id = options.id ?? guidOf(this.#seed, index);
    const name = options.userPrincipalName.toLowerCase();
    if (this.user(name) || this.user(id))
      throw new RangeError(`there is already a user ${options.userPrincipalName}`);
    const user: DirectoryUser = {
      index,
      id,
      userPrincipalName: options.userPrincipalName,
      displayName: options.displayName ?? options.userPrincipalName,
      kind: options.kind ?? 'normal',
      purpose: options.purpose ?? 'user',
      department: options.department,
      deleted: false,
      makeBase,
    };
    this.users.push(user);
    this.#byName.set(id.toLowerCase(), user);
    this.#byName.set(name, user);
    this.userLog.append(++this.userSequence, index, true);
    return user;
  }
}
