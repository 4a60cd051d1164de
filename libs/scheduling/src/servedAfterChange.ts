import { isDeepStrictEqual } from 'node:util';
import type { Job } from '@holdfast/contracts';

type Scheduled = Pick<Job, 'schedules' | 'enabled' | 'lastFires'>;

/**
 * Up to when the schedules of a job count as served after it was made or changed: one that is new or says something
 * else counts from now, so that what it would have fired before is not missed; so do all when the job is enabled again.
 */
export function servedAfterChange(
  before: Scheduled | undefined,
  after: Pick<Scheduled, 'schedules' | 'enabled'>,
  nowIso: string,
): Record<string, string> {
  const isWoken = before?.enabled === false && after.enabled;
  const known = new Map((isWoken ? [] : (before?.schedules ?? [])).map((entry) => [entry.id, entry]));
  return Object.fromEntries(
    after.schedules.map((schedule) => {
      const served = before?.lastFires[schedule.id];
      const isSame = served !== undefined && isDeepStrictEqual(known.get(schedule.id), schedule);
      return [schedule.id, isSame ? served : nowIso];
    }),
  );
}
