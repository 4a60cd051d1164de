import { eventEnvelopeSchema, eventFilterSchema, idSchema } from '@holdfast/contracts';
import { z } from 'zod';
import { readEventLog } from '../adapters/eventLog.ts';
import { eventMatches } from '../domain/eventFilter.ts';
import type { EventStreams } from '../http/eventStreams.ts';
import { decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';

const tag = 'events';
const replayLimit = 10_000;

const nameList = z
  .string()
  .max(1_000)
  .regex(
    /^[a-z.,*-]+$/,
    'must be event names such as run.completed, or beginnings such as run.*, with commas',
  )
  .superRefine((list, context) => {
    for (const name of list.split(',').filter((one) => one !== '')) {
      const { success } = eventFilterSchema.safeParse(name);
      if (!success) context.addIssue({ code: 'custom', message: `${name}: no event has this name` });
    }
  });

const filterQuery = {
  name: nameList.optional().meta({
    description: 'Names such as `run.completed`, or beginnings such as `run.*`, comma separated.',
  }),
  organizationId: idSchema.optional(),
  jobId: idSchema.optional(),
  runId: idSchema.optional(),
  mailboxId: idSchema.optional(),
};

type FilterQuery = z.output<z.ZodObject<typeof filterQuery>>;

const filterOf = ({ name, organizationId, jobId, runId, mailboxId }: FilterQuery) => ({
  names: (name ?? '').split(',').filter((one) => one !== ''),
  organizationId,
  jobId,
  runId,
  mailboxId,
});

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/events',
    operationId: 'listEvents',
    tag,
    summary: 'Read the event log: CloudEvents, newest first',
    query: z.strictObject({
      ...pageQuery,
      ...filterQuery,
      since: z.iso.datetime().optional().meta({ description: 'Events from this time on.' }),
      order: z.enum(['asc', 'desc']).default('desc'),
    }),
    responses: { 200: { description: 'A page', schema: pageOf(eventEnvelopeSchema) } },
    async handler({ query }) {
      const { limit, after, since, order } = query;
      const [time, id] =
        after === undefined ? [] : decodeCursor(z.tuple([z.iso.datetime(), z.string()]), after);
      const place = time === undefined || id === undefined ? undefined : { time, id };
      const page = await readEventLog(ports.collections.events, {
        filter: filterOf(query),
        order,
        since,
        after: place,
        limit,
      });
      const items = page.events.map(({ event }) => event);
      return {
        body:
          page.next === undefined ? { items } : { items, next: encodeCursor(page.next.time, page.next.id) },
      };
    },
  });

const stream = (ports: ApiPorts, streams: EventStreams): Route =>
  route({
    method: 'get',
    path: '/events/stream',
    operationId: 'streamEvents',
    tag,
    summary: 'Follow events as they happen, and live progress (server-sent events)',
    description:
      'Each event has its id; after a lost connection send the last one as Last-Event-ID, and what was missed comes ' +
      'first, from the log. An event may come twice. Progress has the event name `progress` and no id.',
    query: z.strictObject({
      ...filterQuery,
      since: z.iso
        .datetime()
        .optional()
        .meta({ description: 'Events of the log from this time on come first; Last-Event-ID wins.' }),
      progress: z.enum(['true', 'false']).default('true').meta({ description: 'Live counters as well.' }),
    }),
    headers: [
      {
        name: 'Last-Event-ID',
        required: false,
        description: 'The newest event seen before the connection ended.',
      },
    ],
    responses: { 200: { description: 'A stream that does not end', contentType: 'text/event-stream' } },
    async handler({ query, header }) {
      const filter = filterOf(query);
      const lastId = header('last-event-id');
      const last = lastId === undefined ? undefined : (await ports.collections.events.get(lastId))?.doc;
      streams.requirePlace();
      return {
        stream: async (request, response) =>
          streams.open(request, response, {
            wants: (event) => eventMatches(filter, event),
            progress:
              query.progress === 'true' && query.name === undefined ? { owner: query.runId } : undefined,
            async replay() {
              if (last === undefined && query.since === undefined) return [];
              const page = await readEventLog(ports.collections.events, {
                filter,
                order: 'asc',
                ...(last === undefined
                  ? { since: query.since }
                  : { after: { time: last.time, id: last.id } }),
                limit: replayLimit,
              });
              return page.events.map(({ event }) => event);
            },
          }),
      };
    },
  });

export const eventRoutes = (ports: ApiPorts, streams: EventStreams): Route[] => [
  list(ports),
  stream(ports, streams),
];
