import type { Organization } from '@holdfast/contracts';
import type { MailboxConnector } from '../ports.ts';

/** A connector in use; give it back when done. */
export interface UsedConnector {
  connector: MailboxConnector;
  release(): Promise<void>;
}

export interface ConnectorCache {
  /** The shared connector of an organization; opened anew when its connection was changed. */
  use(organization: Organization): UsedConnector;
  /** Closes all; those in use when they are given back. */
  close(): Promise<void>;
}

interface Entry {
  connector: MailboxConnector;
  connection: string;
  users: number;
}

/** One connector an organization and process: it holds the token and the connections to the service. */
export function createConnectorCache(open: (organization: Organization) => MailboxConnector): ConnectorCache {
  const current = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();

  /** Closed when nobody will use it any more. */
  function closeIfDone(organizationId: string, entry: Entry): Promise<void> {
    if (entry.users > 0 || current.get(organizationId) === entry) return Promise.resolve();
    const closed: Promise<void> = entry.connector.close().finally(() => closing.delete(closed));
    closing.add(closed);
    return closed;
  }

  function entryOf(organization: Organization): Entry {
    const connection = connectionOf(organization);
    const known = current.get(organization.id);
    if (known?.connection === connection) return known;
    const entry = { connector: open(organization), connection, users: 0 };
    current.set(organization.id, entry);
    if (known !== undefined) void closeIfDone(organization.id, known);
    return entry;
  }

  return {
    use(organization) {
      const entry = entryOf(organization);
      entry.users++;
      let given = false;
      return {
        connector: entry.connector,
        async release() {
          if (given) return;
          given = true;
          entry.users--;
          await closeIfDone(organization.id, entry);
        },
      };
    },
    async close() {
      const left = [...current];
      current.clear();
      await Promise.all(left.map(([id, entry]) => closeIfDone(id, entry)));
      await Promise.all(closing);
    },
  };
}

/** What decides how the organization is reached; a new name or a verification changes nothing. */
const connectionOf = (organization: Organization): string => {
  const { cloud, tenantId, clientId, credential, restoreApplication } = organization;
  return JSON.stringify([cloud, tenantId, clientId, credential, restoreApplication]);
};
