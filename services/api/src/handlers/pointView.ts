import type { TimelinePoint } from '@holdfast/contracts';
import { NotFound } from '../errors.ts';
import type { ApiPorts } from '../ports.ts';

/** Opening a repository for the first question costs a key derivation. */
export const exploreTimeoutMs = 60_000;

export interface PointOfView {
  repositoryId: string;
  pointName: string;
}

const joined = /^([A-Za-z0-9_-]{1,64})\.([0-9a-f]{16,32})$/;

/** A restore point that only its repository knows: after the loss of the control data, or a point saved on the way. */
export async function findInRepository(ports: ApiPorts, id: string): Promise<TimelinePoint | undefined> {
  const [, repositoryId, pointId] = joined.exec(id) ?? [];
  if (repositoryId === undefined || pointId === undefined) return undefined;
  if ((await ports.collections.repositories.get(repositoryId)) === undefined) return undefined;
  const { point } = await ports.ask('findPoint', { repositoryId, pointId }, { timeoutMs: exploreTimeoutMs });
  return point;
}

/** Where the restore point of a path lies: by its record, else by its repository. @throws NotFound */
export async function viewOfPoint(ports: ApiPorts, id: string): Promise<PointOfView> {
  const record = await ports.collections.restorePoints.get(id);
  if (record !== undefined) {
    return { repositoryId: record.doc.repositoryId, pointName: record.doc.pointName };
  }
  const point = await findInRepository(ports, id);
  if (point === undefined) throw new NotFound('restore point', id);
  return { repositoryId: id.slice(0, id.lastIndexOf('.')), pointName: point.pointName };
}
