import type { DirectoryUser } from '../directory/tenant.ts';
import { nextOrdinal } from '../graph/attachments.ts';
import { createMime } from '../graph/createMessage.ts';
import { asCreated } from '../graph/updateMessage.ts';
import { type ItemState, wholeMime } from '../mailbox/content.ts';
import { CreatedContent } from '../mailbox/createdContent.ts';
import { RECOVERABLE_DELETIONS, ROOT } from '../mailbox/mailbox.ts';
import type { World } from '../world.ts';
import type { SimulatorControl, StateChange, UserInfo } from './api.ts';
import { addGenerated, churn, reviseBody } from './churn.ts';
import { findFolder, findItem, findMailbox, findTenant } from './lookup.ts';
import { folderInfo, messageSnapshot, messageSnapshots, snapshotFolders } from './snapshot.ts';

const userInfo = ({ id, userPrincipalName, displayName, kind, purpose }: DirectoryUser): UserInfo => ({
  id,
  userPrincipalName,
  displayName,
  kind,
  purpose,
});

function stateOf(change: StateChange): Partial<ItemState> {
  const { flagStatus, ...rest } = change;
  return { ...rest, ...(flagStatus === undefined ? {} : { flag: { flagStatus } }) };
}

type DirectoryControl = Pick<
  SimulatorControl,
  | 'tenants'
  | 'users'
  | 'addUser'
  | 'renameUser'
  | 'deleteUser'
  | 'addGroup'
  | 'addApplication'
  | 'setGroupMembers'
  | 'setAccessPolicy'
  | 'setDepartment'
  | 'setRoles'
  | 'setMailboxKind'
  | 'setMailboxPurpose'
>;

function directoryControl(world: World): DirectoryControl {
  const applicationsOf = (clientId: string) => {
    const found = [...world.tenants.values()].flatMap(
      (tenant) => tenant.applications.get(clientId.toLowerCase()) ?? [],
    );
    if (found.length === 0) throw new RangeError(`there is no application ${clientId}`);
    return found;
  };
  const change = (name: string, apply: (user: DirectoryUser) => void) => {
    const { tenant, user } = findMailbox(world, name);
    apply(user);
    tenant.touchUser(user);
  };
  return {
    tenants: async () =>
      [...world.tenants.values()].map(({ tenantId, domain, users }) => ({
        tenantId,
        domain,
        users: users.length,
      })),
    users: async (tenantId) =>
      findTenant(world, tenantId)
        .users.filter((user) => !user.deleted)
        .map(userInfo),
    addUser: async (user, tenantId) => userInfo(findTenant(world, tenantId).addUser(user)),
    renameUser: async (name, displayName) =>
      change(name, (user) => {
        user.displayName = displayName;
      }),
    deleteUser: async (name) =>
      change(name, (user) => {
        user.deleted = true;
      }),
    addGroup: async (group, tenantId) => findTenant(world, tenantId).addGroup(group).id,
    async addApplication(application, tenantId) {
      findTenant(world, tenantId).addApplication(application);
    },
    async setGroupMembers(group, members, tenantId) {
      findTenant(world, tenantId).setGroupMembers(group, members);
    },
    async setAccessPolicy(clientId, group) {
      const found = applicationsOf(clientId);
      const known = group === undefined || [...world.tenants.values()].some((tenant) => tenant.group(group));
      if (!known) throw new RangeError(`there is no group ${group}`);
      for (const application of found) application.restrictedTo = group;
    },
    setDepartment: async (name, department) =>
      change(name, (user) => {
        user.department = department;
      }),
    async setRoles(clientId, roles) {
      for (const application of applicationsOf(clientId)) application.roles = [...roles];
    },
    setMailboxKind: async (name, kind) =>
      change(name, (user) => {
        user.kind = kind;
      }),
    setMailboxPurpose: async (name, purpose) =>
      change(name, (user) => {
        user.purpose = purpose;
      }),
  };
}

type FolderControl = Pick<
  SimulatorControl,
  'folders' | 'addFolder' | 'renameFolder' | 'moveFolder' | 'deleteFolder'
>;

function folderControl(world: World): FolderControl {
  return {
    async folders(name) {
      const { mailbox } = findMailbox(world, name);
      return snapshotFolders(mailbox).map((folder) => folderInfo(mailbox, folder));
    },
    async addFolder(name, displayName, parent, kind = 'folder') {
      const { mailbox } = findMailbox(world, name);
      const above = parent === undefined ? ROOT : findFolder(mailbox, parent).number;
      return folderInfo(
        mailbox,
        mailbox.createFolder(
          displayName,
          above,
          kind === 'hidden',
          kind === 'search',
          kind === 'contacts' ? 'IPF.Contact' : 'IPF.Note',
        ),
      );
    },
    async renameFolder(name, folder, displayName) {
      const { mailbox } = findMailbox(world, name);
      mailbox.changeFolder(findFolder(mailbox, folder).number, { displayName });
    },
    async moveFolder(name, folder, parent) {
      const { mailbox } = findMailbox(world, name);
      mailbox.changeFolder(findFolder(mailbox, folder).number, {
        parent: findFolder(mailbox, parent).number,
      });
    },
    async deleteFolder(name, folder) {
      const { mailbox } = findMailbox(world, name);
      mailbox.deleteFolder(findFolder(mailbox, folder).number);
    },
  };
}

type MessageControl = Pick<SimulatorControl, 'snapshot' | 'messages' | 'message' | 'mime' | 'drafts'>;
type ChangeControl = Pick<
  SimulatorControl,
  | 'addMessage'
  | 'addGenerated'
  | 'addReferenceAttachment'
  | 'changeState'
  | 'changeBody'
  | 'moveMessage'
  | 'deleteMessage'
  | 'churn'
>;

function messageControl(world: World): MessageControl {
  return {
    async snapshot(name) {
      const { mailbox } = findMailbox(world, name);
      const messages = [];
      for await (const message of messageSnapshots(mailbox)) messages.push(message);
      return { folders: snapshotFolders(mailbox).map((folder) => folderInfo(mailbox, folder)), messages };
    },
    messages: (name) => messageSnapshots(findMailbox(world, name).mailbox),
    async message(name, message) {
      const { mailbox } = findMailbox(world, name);
      return messageSnapshot(mailbox, findItem(mailbox, message));
    },
    async mime(name, message) {
      return wholeMime(findItem(findMailbox(world, name).mailbox, message).content.mime()).toString('base64');
    },
    async drafts() {
      let drafts = 0;
      for (const tenant of world.tenants.values()) {
        for (const mailbox of tenant.openMailboxes())
          for (const item of mailbox.changedItems()) if (item.state.isDraft) drafts++;
      }
      return drafts;
    },
  };
}

function changeControl(world: World): ChangeControl {
  const now = () => world.state.clock.now();
  return {
    async addMessage(name, folder, mimeBase64, { isDraft = false, ...state } = {}) {
      const { mailbox } = findMailbox(world, name);
      const item = await createMime(
        { state: world.state, mailbox },
        findFolder(mailbox, folder),
        Buffer.from(mimeBase64, 'base64'),
        { ...stateOf(state), isDraft },
      );
      return mailbox.ids.message(item.n, 0, true);
    },
    async addGenerated(name, folder, count) {
      const found = findMailbox(world, name);
      const { number } = findFolder(found.mailbox, folder);
      return Array.from({ length: count }, () =>
        found.mailbox.ids.message(addGenerated(world, found, number).n, 0, true),
      );
    },
    async addReferenceAttachment(name, message, fileName) {
      const { mailbox } = findMailbox(world, name);
      const item = findItem(mailbox, message);
      const before = await asCreated({ state: world.state, mailbox }, item);
      const ordinal = nextOrdinal(before.attachments);
      const link = {
        ordinal,
        kind: 'reference' as const,
        name: fileName,
        contentType: null,
        size: 0,
        isInline: false,
      };
      const attachments = [
        ...before.attachments,
        { ...link, contentId: null, contentLocation: null, ranges: [] },
      ];
      const content = new CreatedContent(world.state.spool, { ...before, attachments });
      mailbox.change(item.n, now(), { content });
    },
    async changeState(name, message, change) {
      const { mailbox } = findMailbox(world, name);
      mailbox.change(findItem(mailbox, message).n, now(), { state: stateOf(change) });
    },
    async changeBody(name, message) {
      const found = findMailbox(world, name);
      await reviseBody(world, found, findItem(found.mailbox, message));
    },
    async moveMessage(name, message, folder) {
      const { mailbox } = findMailbox(world, name);
      mailbox.move(findItem(mailbox, message).n, findFolder(mailbox, folder).number, now());
    },
    async deleteMessage(name, message, how) {
      const { mailbox } = findMailbox(world, name);
      const { n } = findItem(mailbox, message);
      if (how === 'hard') mailbox.remove(n);
      else mailbox.move(n, RECOVERABLE_DELETIONS, now());
    },
    churn: (name, wanted) => churn(world, findMailbox(world, name), wanted),
  };
}

/** The control object of a world. */
export function createControl(world: World): SimulatorControl {
  return {
    ...directoryControl(world),
    ...folderControl(world),
    ...messageControl(world),
    ...changeControl(world),
    statistics: async () => world.counters.read(world.meter.usage()),
    async resetStatistics() {
      world.counters.reset();
      world.meter.resetStatistics();
    },
    addFault: async (rule) => world.faults.add(rule),
    removeFault: async (id) => world.faults.remove(id),
    clearFaults: async () => world.faults.clear(),
    faults: async () => world.faults.list(),
    held: async () => world.holds.count,
    releaseHeld: async () => world.holds.release(),
    async setOutage(service, outage) {
      world.outages[service] = outage ?? undefined;
    },
    limits: async () => ({ ...world.state.limits }),
    async setLimits(limits) {
      Object.assign(world.state.limits, limits);
    },
    resetWindows: async () => world.meter.resetWindows(),
    async setChaos(chaos) {
      world.state.chaos = { ...world.state.chaos, ...chaos };
    },
    async expireDeltaTokens(expiry = {}) {
      const { mailbox, folder, ...rest } = expiry;
      const found = mailbox === undefined ? undefined : findMailbox(world, mailbox);
      const number = folder === undefined || !found ? undefined : findFolder(found.mailbox, folder).number;
      world.state.tokens.expire({
        ...rest,
        ...(found ? { mailbox: found.user.id } : {}),
        ...(number === undefined ? {} : { folder: number }),
      });
    },
    expireUploadSessions: async () => world.uploads.expireAll(),
    async setMailAdvancedEnforcement(on) {
      world.state.mailAdvancedEnforcement = on;
    },
    async setTokenLifetime(seconds) {
      world.entra.tokenLifetimeSeconds = seconds;
    },
    advanceClock: async (milliseconds) => world.state.clock.advance(milliseconds),
  };
}
