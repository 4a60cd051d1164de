import { type EventData, type HoldfastEvent, makeEvent, type RestorePointRecord } from '@holdfast/contracts';

type Of = Pick<
  RestorePointRecord,
  'pointId' | 'pointName' | 'repositoryId' | 'organizationId' | 'mailboxId' | 'jobId'
>;
type PointEventName = 'restore-point.expired' | 'restore-point.condemned' | 'restore-point.recalled';

/** An event about a restore point. `key` names the occurrence, so that a repeat is the same event. */
export function pointEvent<N extends PointEventName>(
  name: N,
  record: Of,
  more: Omit<EventData<N>, keyof Of>,
  at: { key: string; nowMs: number },
): HoldfastEvent<N> {
  const { pointId, pointName, repositoryId, organizationId, mailboxId, jobId } = record;
  const of = { pointId, pointName, repositoryId, organizationId, mailboxId, jobId };
  return makeEvent(name, {
    ...{ source: 'retention', subject: pointId, key: at.key, time: new Date(at.nowMs).toISOString() },
    data: { ...of, ...more } as EventData<N>,
  });
}
