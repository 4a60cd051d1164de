import {
  type Alert,
  type AlertSettings,
  type HoldfastEvent,
  makeEvent,
  type RepositoryRecord,
} from '@holdfast/contracts';
import { formatBytes } from '../format.ts';
import type { Finding } from './finding.ts';

export interface Space {
  freeBytes: number;
  totalBytes: number;
}

/** Whole percent of the disk that is free, rounded down. */
export const freePercent = ({ freeBytes, totalBytes }: Space): number =>
  totalBytes === 0 ? 0 : Math.floor((freeBytes / totalBytes) * 100);

/** Whether the disk of a repository has less free space than the settings ask for. */
export function judgeSpace(
  repository: Pick<RepositoryRecord, 'id' | 'name'>,
  space: Space,
  settings: AlertSettings,
  nowIso: string,
): Finding | undefined {
  const limit = settings.repositorySpaceLow.freePercent;
  if (space.freeBytes * 100 >= limit * space.totalBytes) return undefined;
  return {
    about: repository.id,
    repositoryId: repository.id,
    message: `The disk of repository "${repository.name}" has less than ${limit} % free space left.`,
    remedy: 'Give it more space, keep fewer restore points, or move jobs to another repository.',
    details: [`${formatBytes(space.freeBytes)} free of ${formatBytes(space.totalBytes)}`],
    since: nowIso,
  };
}

/** The event that the disk of a repository is nearly full, once an alert. */
export function spaceEvents(alert: Alert, space: Space | undefined): HoldfastEvent[] {
  if (space === undefined) return [];
  const { about: repositoryId, raisedAt } = alert;
  const data = { repositoryId, ...space, freePercent: freePercent(space) };
  return [
    makeEvent('repository.space-low', {
      ...{ source: 'notify', subject: repositoryId, key: alert.id, time: raisedAt, data },
    }),
  ];
}
