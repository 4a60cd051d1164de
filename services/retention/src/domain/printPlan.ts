import type { OwnedPoint, RetentionDecision } from '@holdfast/scheduling';

/** The plan as lines for people: what stays, what goes, and why. */
export function printPlan(
  mailboxAddress: string,
  decisions: readonly RetentionDecision<OwnedPoint>[],
): string {
  const lines = decisions.map(({ point, keep, reason, validUntilMs }) => {
    const until = validUntilMs === undefined ? '' : `, valid until ${iso(validUntilMs)}`;
    return `  ${keep ? 'keep' : 'drop'} ${iso(point.timeMs)} ${point.kind} ${point.pointId}: ${reason}${until}`;
  });
  const drops = decisions.filter(({ keep }) => !keep).length;
  return [`${mailboxAddress}: ${decisions.length - drops} kept, ${drops} dropped`, ...lines].join('\n');
}

const iso = (ms: number): string => new Date(ms).toISOString();
