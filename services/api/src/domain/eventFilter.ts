import { eventNameMatches } from '@holdfast/contracts';

/** What a reader of events asks for; all that is given must hold. */
export interface EventFilter {
  /** Names such as `run.completed`, or beginnings such as `run.*`; any when empty. */
  names: readonly string[];
  organizationId?: string | undefined;
  jobId?: string | undefined;
  runId?: string | undefined;
  mailboxId?: string | undefined;
}

const places = ['organizationId', 'jobId', 'runId', 'mailboxId'] as const;

const hasField = (data: unknown, field: string): data is Record<string, unknown> =>
  data !== null && typeof data === 'object' && Object.hasOwn(data, field);

export function eventMatches(filter: EventFilter, event: { name: string; data: unknown }): boolean {
  const named = filter.names.length === 0 || filter.names.some((name) => eventNameMatches(name, event.name));
  if (!named) return false;
  return places.every((place) => {
    const wanted = filter[place];
    if (wanted === undefined) return true;
    return hasField(event.data, place) && event.data[place] === wanted;
  });
}
