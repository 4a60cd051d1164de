import type { EventRecord } from '@holdfast/contracts';
import type { Collection } from '@holdfast/store';
import { type EventFilter, eventMatches } from '../domain/eventFilter.ts';

/** A place in the log: events are ordered by time, then by id. */
export interface LogPlace {
  time: string;
  id: string;
}

export interface LogPage {
  events: EventRecord[];
  /** Where the reading ended; absent when the log ended. */
  next?: LogPlace;
}

export interface LogQuery {
  filter: EventFilter;
  order: 'asc' | 'desc';
  /** Events from this time on. */
  since?: string | undefined;
  after?: LogPlace | undefined;
  limit: number;
}

const pageSize = 500;
/** Rows looked at in one reading, so that a filter which matches nothing costs a bounded time. */
const mostRows = 20_000;

const isBeyond = (doc: EventRecord, place: LogPlace, order: 'asc' | 'desc'): boolean => {
  if (doc.time !== place.time) return order === 'asc' ? doc.time > place.time : doc.time < place.time;
  return order === 'asc' ? doc.id > place.id : doc.id < place.id;
};

function bounds(query: LogQuery): { time?: { gte?: string; lte?: string } } {
  const gte = query.order === 'asc' ? (query.after?.time ?? query.since) : query.since;
  const lte = query.order === 'desc' ? query.after?.time : undefined;
  if (gte === undefined && lte === undefined) return {};
  return { time: { ...(gte === undefined ? {} : { gte }), ...(lte === undefined ? {} : { lte }) } };
}

/** Reads a page of the event log; other services write to it all the time. */
export async function readEventLog(log: Collection<EventRecord>, query: LogQuery): Promise<LogPage> {
  const events: EventRecord[] = [];
  let place = query.after;
  let cursor: string | undefined;
  for (let rows = 0; rows < mostRows; rows += pageSize) {
    const page = await log.find({
      where: bounds(query),
      sort: { field: 'time', order: query.order },
      limit: pageSize,
      ...(cursor === undefined ? {} : { after: cursor }),
    });
    for (const { doc } of page.items) {
      if (query.after !== undefined && !isBeyond(doc, query.after, query.order)) continue;
      place = { time: doc.time, id: doc.id };
      if (eventMatches(query.filter, doc.event)) events.push(doc);
      if (events.length === query.limit) return { events, next: place };
    }
    if (page.next === undefined) return { events };
    cursor = page.next;
  }
  return place === undefined ? { events } : { events, next: place };
}
