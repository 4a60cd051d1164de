import type { DirectoryUser, Tenant } from '../directory/tenant.ts';
import type { Item } from '../mailbox/content.ts';
import type { Folder, Mailbox } from '../mailbox/mailbox.ts';
import type { World } from '../world.ts';

/** A user and what belongs to it. */
export interface Found {
  readonly tenant: Tenant;
  readonly user: DirectoryUser;
  readonly mailbox: Mailbox;
}

/** The tenant with an id, or the first one. */
export function findTenant(world: World, tenantId: string | undefined): Tenant {
  const tenant =
    tenantId === undefined ? world.tenants.values().next().value : world.tenants.get(tenantId.toLowerCase());
  if (!tenant) throw new RangeError(`there is no tenant ${tenantId ?? ''}`);
  return tenant;
}

export function findMailbox(world: World, name: string): Found {
  for (const tenant of world.tenants.values()) {
    const user = tenant.user(name);
    if (user) return { tenant, user, mailbox: tenant.mailbox(user) };
  }
  throw new RangeError(`there is no user ${name}`);
}

/** A folder by id, well-known name or display name. */
export function findFolder(mailbox: Mailbox, name: string): Folder {
  const decoded = mailbox.ids.decode(name);
  const byId =
    decoded && decoded !== 'foreign' && decoded.kind === 'folder'
      ? mailbox.folder(decoded.number)
      : undefined;
  const folder =
    byId ??
    mailbox.folderByWellKnownName(name.toLowerCase()) ??
    mailbox.allFolders().find((one) => one.displayName === name);
  if (!folder) throw new RangeError(`there is no folder ${name}`);
  return folder;
}

/** A message by id of either format or by internet message id. */
export function findItem(mailbox: Mailbox, name: string): Item {
  const decoded = mailbox.ids.decode(name);
  const item =
    decoded && decoded !== 'foreign' && decoded.kind === 'message'
      ? mailbox.item(decoded.n)
      : mailbox.findByMessageId(name)[0];
  if (!item) throw new RangeError(`there is no message ${name}`);
  return item;
}
