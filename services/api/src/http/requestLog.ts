import { randomUUID } from 'node:crypto';
import type { Logger } from '@holdfast/runtime';
import type { RequestHandler, Response } from 'express';
import type { ApiMetrics } from '../metrics.ts';
import type { Caller } from './route.ts';

/** What a request collects on its way. */
export interface RequestFacts {
  requestId: string;
  /** Path with placeholders: bounded as a metric label, and free of what users typed. */
  route: string;
  caller?: Caller;
}

const facts = new WeakMap<Response, RequestFacts>();
const idShape = /^[A-Za-z0-9._-]{1,64}$/;

/** The facts of the request that this response answers. */
export function factsOf(response: Response): RequestFacts {
  const found = facts.get(response);
  if (found === undefined) throw new TypeError('the request log must be the first handler');
  return found;
}

/** Gives each request an id (or takes the caller's, when harmless) and writes one line when it has been answered. */
export function requestLog(logger: Logger, metrics: ApiMetrics, now: () => number): RequestHandler {
  return (request, response, next) => {
    const started = now();
    const given = request.get('x-request-id');
    const requestId = given !== undefined && idShape.test(given) ? given : randomUUID();
    const mine: RequestFacts = { requestId, route: '(none)' };
    facts.set(response, mine);
    response.setHeader('x-request-id', requestId);
    response.once('close', () => {
      const ms = now() - started;
      const labels = { method: request.method, route: mine.route, status: String(response.statusCode) };
      metrics.requests.inc(labels);
      metrics.requestSeconds.observe({ method: request.method, route: mine.route }, ms / 1000);
      const fields = {
        requestId,
        method: request.method,
        route: mine.route,
        status: response.statusCode,
        ms,
        caller: mine.caller?.name,
        complete: response.writableFinished,
      };
      // Probes come every few seconds and say nothing.
      const level = response.statusCode >= 500 ? 'warn' : mine.route === '/healthz' ? 'debug' : 'info';
      logger[level](fields, 'request');
    });
    next();
  };
}
