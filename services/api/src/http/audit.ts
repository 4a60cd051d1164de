import { type AuditRecord, newId } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { type Collection, modify } from '@holdfast/store';
import type { Request, RequestHandler } from 'express';
import { factsOf } from './requestLog.ts';
import type { Route } from './route.ts';

export interface AuditDeps {
  records: Collection<AuditRecord>;
  clock: Clock;
  logger: Logger;
}

const longestPath = 500;
const mostFields = 50;

/** Every change, and every route that hands out mail. */
export const isAudited = (route: Pick<Route, 'method' | 'audited'>): boolean =>
  route.method !== 'get' || route.audited === true;

function fieldsOf(body: unknown): string[] {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return [];
  return Object.keys(body)
    .slice(0, mostFields)
    .map((name) => name.slice(0, 80));
}

const fromOf = (request: Request): string => request.socket.remoteAddress ?? 'unknown';

/**
 * Writes who asks for what before it is done, and the status when it was answered: a change without its line cannot
 * happen. When the line cannot be written, the request is refused with the store's error.
 */
export function audit({ records, clock, logger }: AuditDeps, route: Route): RequestHandler {
  return async (request, response, next) => {
    const { caller, requestId } = factsOf(response);
    if (caller === undefined) return next();
    const record: AuditRecord = {
      ...{ id: newId('audit'), at: new Date(clock.now()).toISOString(), requestId },
      ...{ tokenId: caller.tokenId, by: caller.name, role: caller.role },
      ...{ operation: route.operationId, method: request.method, path: request.path.slice(0, longestPath) },
      ...{ fields: fieldsOf(request.body), from: fromOf(request) },
    };
    await records.insert(record);
    response.once('close', () => {
      const status = response.statusCode;
      modify(records, record.id, (known) => ({ ...known, status })).catch((error: unknown) => {
        logger.warn({ error, requestId }, 'the end of a request is missing in the audit log');
      });
    });
    next();
  };
}
