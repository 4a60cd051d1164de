import type { RetentionGuard } from '@holdfast/contracts';
import { counted } from '../format.ts';
import { type Finding, mostDetails } from './finding.ts';

/** Plans of retention that its guard has stopped, one alert a job. */
export function judgeGuards(
  guards: readonly RetentionGuard[],
  jobNames: ReadonlyMap<string, string>,
): Finding[] {
  const byJob = Map.groupBy(
    guards.filter(({ state }) => state === 'open'),
    ({ jobId }) => jobId,
  );
  return [...byJob].map(([jobId, ofJob]): Finding => {
    const worst = ofJob.toSorted(
      (a, b) => b.points - a.points || a.mailboxAddress.localeCompare(b.mailboxAddress),
    );
    const points = ofJob.reduce((sum, guard) => sum + guard.points, 0);
    const since = ofJob.map((guard) => guard.since).sort()[0] ?? '';
    return {
      about: jobId,
      jobId,
      ...(worst[0] === undefined
        ? {}
        : { organizationId: worst[0].organizationId, repositoryId: worst[0].repositoryId }),
      message: `Retention of job "${jobNames.get(jobId) ?? jobId}" was stopped by its guard: ${counted(points, 'restore point')} of ${counted(ofJob.length, 'mailbox', 'mailboxes')} would go at once. Nothing was removed.`,
      remedy:
        'Look at the plan. Approve it if that is meant, or give the job a retention policy that keeps more.',
      details: worst
        .slice(0, mostDetails)
        .map((guard) => `${guard.mailboxAddress}: ${guard.points} of ${guard.of} restore points`),
      since,
    };
  });
}
