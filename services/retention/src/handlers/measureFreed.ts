import { type Answered, type Asked, HoldfastError } from '@holdfast/contracts';
import type { OpenPointStore, RetentionRecords } from '../ports.ts';

export interface MeasureDeps {
  records: Pick<RetentionRecords, 'repository'>;
  openPoints: OpenPointStore;
}

/** Answers what removing restore points would free. @throws HoldfastError `no-repository`, or when it is away */
export async function measureFreed(
  { records, openPoints }: MeasureDeps,
  { repositoryId, pointNames }: Asked<'measureFreed'>,
): Promise<Answered<'measureFreed'>> {
  const repository = await records.repository(repositoryId);
  if (repository === undefined) {
    throw new HoldfastError('no-repository', 'vanished', `there is no repository ${repositoryId}`);
  }
  const points = await openPoints(repository);
  try {
    return await points.measureFreed(pointNames);
  } finally {
    await points.close();
  }
}
