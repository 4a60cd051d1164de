import type { Hold } from '@holdfast/contracts';
import type { OwnedPoint } from './planMailbox.ts';

/** What keeps points of a mailbox from going, whatever their policy says. */
export interface Keepers {
  /** Holds on the mailbox and on its restore points. */
  holds: readonly Hold[];
  /** Restore sessions that are not over, by the name of the point they read. */
  inUse: ReadonlyMap<string, string>;
}

/** Why a point of a repository must not go now; a hold is named first, because it lasts. */
export function heldBecause({ holds, inUse }: Keepers, repositoryId: string) {
  return ({ name, pointId }: Pick<OwnedPoint, 'name' | 'pointId'>): string | undefined => {
    const id = `${repositoryId}.${pointId}`;
    const hold = holds.find(({ restorePointId = id }) => restorePointId === id);
    if (hold !== undefined) return `held by ${hold.by}: ${hold.reason}`;
    const session = inUse.get(name);
    return session === undefined ? undefined : `in use by restore session ${session}`;
  };
}
