import { type Alert, type HoldfastEvent, makeEvent } from '@holdfast/contracts';

/** The events of an alert as it stands: one that it was raised, and one that it is over. Repeats are the same events. */
export function alertEvents(alert: Alert): HoldfastEvent[] {
  const { id, kind, about, message, remedy, since, raisedAt, clearedAt, clearedBecause } = alert;
  const { organizationId, jobId, repositoryId } = alert;
  const place = {
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(jobId === undefined ? {} : { jobId }),
    ...(repositoryId === undefined ? {} : { repositoryId }),
  };
  const common = { source: 'notify', subject: id, key: id };
  const raised = makeEvent('alert.raised', {
    ...{ ...common, time: raisedAt },
    data: { alertId: id, kind, about, ...place, message, remedy, since },
  });
  if (clearedAt === undefined) return [raised];
  const cleared = makeEvent('alert.cleared', {
    ...{ ...common, time: clearedAt },
    data: { alertId: id, kind, about, ...place, message: clearedBecause ?? message, raisedAt },
  });
  return [raised, cleared];
}
