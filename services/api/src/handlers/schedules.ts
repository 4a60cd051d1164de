import { chainOutcomes, idSchema, type Schedule, schedulesSchema } from '@holdfast/contracts';
import { localTime, nextFires, stopTime } from '@holdfast/scheduling';
import { z } from 'zod';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'jobs';
const count = z.coerce.number().int().min(1).max(100).default(10);

const fireView = z.object({
  time: z.iso.datetime(),
  /** The same on the clocks of the schedule's zone, with their offset. */
  local: z.string(),
  timeZone: z.string(),
  scheduleId: idSchema,
  /** When a run that is not finished is stopped. */
  stopAt: z.iso.datetime().optional(),
  /** The same on the clocks of the schedule's zone. */
  stopLocal: z.string().optional(),
});

/** When schedules fire: the times that can be told, and the jobs that are followed. */
export const firesView = z.object({
  items: z.array(fireView),
  after: z.array(
    z.object({
      scheduleId: idSchema,
      jobId: idSchema,
      outcomes: z.array(z.enum(chainOutcomes)),
      delayMinutes: z.number().int(),
    }),
  ),
});
type Fires = z.infer<typeof firesView>;

export const schedulePreviewSchema = z.strictObject({
  schedules: schedulesSchema,
  count,
  /** Fires after this time; now when absent. */
  from: z.iso.datetime().optional(),
});

function firesOf(schedules: readonly Schedule[], from: Date, many: number): Fires {
  const items = nextFires(schedules, from, many).map(({ time, schedule }) => {
    const stopAt = stopTime(schedule, time);
    return {
      time: time.toISOString(),
      local: localTime(schedule.timeZone, time),
      timeZone: schedule.timeZone,
      scheduleId: schedule.id,
      ...(stopAt === undefined
        ? {}
        : { stopAt: stopAt.toISOString(), stopLocal: localTime(schedule.timeZone, stopAt) }),
    };
  });
  const after = schedules.flatMap((schedule) => {
    if (schedule.kind !== 'after') return [];
    const { id, jobId, outcomes, delayMinutes } = schedule;
    return [{ scheduleId: id, jobId, outcomes, delayMinutes }];
  });
  return { items, after };
}

const next = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/jobs/{jobId}/next',
    operationId: 'listNextFires',
    tag,
    summary: 'When a job runs next by its schedules',
    description: 'No times for a job that is disabled. Times of several schedules at one moment are one run.',
    params: z.object({ jobId: idSchema }),
    query: z.strictObject({ count }),
    responses: { 200: { description: 'The next times, soonest first', schema: firesView } },
    async handler({ params: { jobId }, query }) {
      const { doc: job } = await lookUp(ports.collections.jobs, 'job', jobId);
      const schedules = job.enabled ? job.schedules : [];
      return { body: firesOf(schedules, new Date(ports.clock.now()), query.count) };
    },
  });

const preview = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/schedules/preview',
    operationId: 'previewSchedules',
    tag,
    summary: 'When schedules would fire, before a job with them is saved',
    body: schedulePreviewSchema,
    responses: { 200: { description: 'The next times, soonest first', schema: firesView } },
    async handler({ body }) {
      const from = new Date(body.from ?? ports.clock.now());
      return { body: firesOf(body.schedules, from, body.count) };
    },
  });

export const scheduleRoutes = (ports: ApiPorts): Route[] => [next, preview].map((make) => make(ports));
