import { InvalidInput } from '@holdfast/contracts';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { HttpProblem } from '../errors.ts';
import { type AuditDeps, audit, isAudited } from './audit.ts';
import { checked } from './fieldProblems.ts';
import { factsOf } from './requestLog.ts';
import { requireRole } from './roles.ts';
import { type Method, type Reply, type Route, successStatus } from './route.ts';

const defaultBodyLimit = 256 * 1024;

/** `/jobs/{jobId}` → `/jobs/:jobId`. */
export const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Routes by path, in the order they were declared. */
function byPath(routes: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of routes) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return groups;
}

const hasBody = (request: Request): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

/** Refuses a body that is not JSON by its type. @throws HttpProblem 415 */
const onlyJson: RequestHandler = (request, _response, next) => {
  if (hasBody(request) && !request.is('application/json')) {
    throw new HttpProblem(415, 'unsupported-media-type', 'the body must be application/json', {
      remedy: 'Send JSON with the header "Content-Type: application/json".',
      headers: { accept: 'application/json' },
    });
  }
  next();
};

function bodyOf(route: Route, request: Request): unknown {
  if (route.body === undefined) return undefined;
  if (request.body === undefined && route.bodyOptional !== true) {
    throw new InvalidInput([{ field: '(body)', message: 'is missing: send a JSON object' }]);
  }
  return checked(route.body, request.body ?? {});
}

async function answer(route: Route, reply: Reply, request: Request, response: Response): Promise<void> {
  if ('stream' in reply) return reply.stream(request, response);
  const status = reply.status ?? successStatus(route);
  const schema = route.responses[status]?.schema;
  response.status(status).set({ ...reply.headers });
  // The schema is the filter: what it does not name (a sealed secret, a hash) cannot leave.
  if (schema === undefined) response.end();
  else response.json(schema.parse(reply.body));
}

function handlerOf(route: Route): RequestHandler {
  return async (request, response) => {
    const { requestId, caller } = factsOf(response);
    const reply = await route.handler({
      params: checked(route.params, request.params),
      query: checked(route.query, request.query),
      body: bodyOf(route, request),
      // Nobody is signed in on open routes; the least role must not open anything by mistake.
      caller: caller ?? { tokenId: '', name: 'anonymous', role: 'viewer' },
      requestId,
      header: (name) => request.get(name),
    });
    await answer(route, reply, request, response);
  };
}

/** Before the body is read: who may not call a route needs not be told what is wrong with it. */
const onlyRoles =
  (route: Route): RequestHandler =>
  (_request, response, next) => {
    requireRole(route, factsOf(response).caller);
    next();
  };

const nameRoute =
  (path: string): RequestHandler =>
  (_request, response, next) => {
    factsOf(response).route = path;
    next();
  };

/** Binds routes to a router; a path that is known answers other methods with 405 and the list of its own. */
export function bindRoutes(router: Router, routes: readonly Route[], auditing: AuditDeps): void {
  for (const [path, group] of byPath(routes)) {
    const bound = router.route(expressPath(path));
    bound.all(nameRoute(path));
    for (const route of group) {
      const parse = express.json({ limit: route.bodyLimitBytes ?? defaultBodyLimit, type: () => true });
      const steps = route.body === undefined ? [] : [onlyJson, parse];
      const noted = isAudited(route) ? [audit(auditing, route)] : [];
      bound[route.method satisfies Method](onlyRoles(route), ...steps, ...noted, handlerOf(route));
    }
    const allowed = group.map(({ method }) => method.toUpperCase()).sort();
    if (allowed.includes('GET')) allowed.push('HEAD');
    bound.all((request) => {
      throw new HttpProblem(405, 'method-not-allowed', `${request.method} is not answered here`, {
        remedy: `Use ${allowed.join(' or ')}.`,
        headers: { allow: allowed.join(', ') },
      });
    });
  }
}
