import type { Progress } from '@holdfast/contracts';
import type { Request, Response } from 'express';
import { HttpProblem } from '../errors.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { EventHub, LiveView } from '../ports.ts';

/** What streams need of an event, live or from the log. */
export interface StreamedEvent {
  id: string;
  name: string;
  data: unknown;
}

export interface StreamRequest {
  wants(event: StreamedEvent): boolean;
  /** Live counters as well; of one run or restore session when `owner` is given. */
  progress: { owner: string | undefined } | undefined;
  /** What the caller missed, in the order of the log. */
  replay(): Promise<readonly StreamedEvent[]>;
}

export interface EventStreamLimits {
  streams: number;
  /** A receiver that leaves this much unread is cut off; it comes back with its last event id. */
  unreadBytes: number;
  heartbeatMs: number;
  /** Pause between two messages of progress. */
  progressMs: number;
}

export const defaultStreamLimits: EventStreamLimits = {
  streams: 200,
  unreadBytes: 1024 * 1024,
  heartbeatMs: 15_000,
  progressMs: 500,
};

export interface EventStreams {
  /** @throws HttpProblem 503 when there are too many streams */
  requirePlace(): void;
  open(request: Request, response: Response, wanted: StreamRequest): Promise<void>;
  /** Ends all streams. */
  stop(): void;
}

export interface EventStreamDeps {
  hub: EventHub;
  live: LiveView;
  metrics: ApiMetrics;
  limits: EventStreamLimits;
}

/** Ids kept to drop repeats between the log and the live events. */
const rememberedIds = 20_000;

const message = (event: StreamedEvent): string =>
  `id: ${event.id}\nevent: ${event.name}\ndata: ${JSON.stringify(event)}\n\n`;

const progressMessage = (progress: Progress): string =>
  `event: progress\ndata: ${JSON.stringify(progress)}\n\n`;

/** One open stream: writes what is wanted and cuts off a receiver that does not read. */
function openStream(deps: EventStreamDeps, response: Response, wanted: StreamRequest, end: () => void) {
  const sent = new Set<string>();
  let waiting: StreamedEvent[] | undefined = [];
  const changed = new Map<string, Progress>();

  const write = (text: string) => {
    if (response.writableLength > deps.limits.unreadBytes) {
      deps.metrics.streamsDropped.inc();
      response.destroy();
      return;
    }
    response.write(text);
  };
  const send = (event: StreamedEvent) => {
    if (sent.has(event.id) || !wanted.wants(event)) return;
    sent.add(event.id);
    if (sent.size > rememberedIds) sent.clear();
    write(message(event));
  };
  const flushProgress = () => {
    for (const progress of changed.values()) write(progressMessage(progress));
    changed.clear();
  };
  const unsubscribe = [
    deps.hub.subscribe((event) => {
      if (waiting === undefined) send(event);
      else waiting.push(event);
    }),
  ];
  const timers = [setInterval(() => write(': here\n\n'), deps.limits.heartbeatMs)];
  const { progress: about } = wanted;
  if (about !== undefined) {
    const note = (progress: Progress) => {
      if (about.owner === undefined || about.owner === progress.owner) changed.set(progress.id, progress);
    };
    for (const progress of deps.live.progress()) note(progress);
    unsubscribe.push(deps.live.onProgress(note));
    timers.push(setInterval(flushProgress, deps.limits.progressMs));
  }
  response.once('close', () => {
    for (const timer of timers) clearInterval(timer);
    for (const stop of unsubscribe) stop();
    end();
  });
  return {
    /** Sends what was missed, then what came meanwhile; from then on events go out as they come. */
    async catchUp() {
      for (const event of await wanted.replay()) send(event);
      const meanwhile = waiting ?? [];
      waiting = undefined;
      for (const event of meanwhile) send(event);
    },
  };
}

/** The open event streams of this process. */
export function createEventStreams(deps: EventStreamDeps): EventStreams {
  const open = new Set<Response>();
  return {
    requirePlace() {
      if (open.size < deps.limits.streams) return;
      throw new HttpProblem(503, 'too-many-streams', 'too many event streams are open', {
        remedy: 'Close some, or read GET /api/v1/events instead.',
        headers: { 'retry-after': '10' },
      });
    },
    async open(request, response, wanted) {
      response.status(200).set({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      response.flushHeaders();
      request.socket.setKeepAlive(true);
      open.add(response);
      deps.metrics.streams.set(open.size);
      const stream = openStream(deps, response, wanted, () => {
        open.delete(response);
        deps.metrics.streams.set(open.size);
      });
      response.write('retry: 2000\n\n');
      await stream.catchUp();
    },
    stop() {
      for (const response of open) response.end();
    },
  };
}
