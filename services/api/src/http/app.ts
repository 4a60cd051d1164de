import { classOf } from '@holdfast/contracts';
import type { Logger } from '@holdfast/runtime';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { HttpProblem, NotFound } from '../errors.ts';
import type { ApiMetrics } from '../metrics.ts';
import { apiBase } from './apiBase.ts';
import type { AuditDeps } from './audit.ts';
import { bindRoutes } from './bindRoutes.ts';
import { landingPage } from './landingPage.ts';
import { problemOf } from './problem.ts';
import { factsOf, requestLog } from './requestLog.ts';
import type { Route } from './route.ts';
import type { SignIn } from './signIn.ts';

export interface AppOptions {
  routes: readonly Route[];
  signIn: SignIn;
  auditing: AuditDeps;
  logger: Logger;
  metrics: ApiMetrics;
  now: () => number;
  version: string;
}

function requireSignIn(options: AppOptions): RequestHandler {
  const open = new Set(
    options.routes
      .filter((route) => route.open)
      .map((route) => `${route.method.toUpperCase()} ${route.path}`),
  );
  return async (request, response, next) => {
    if (open.has(`${request.method === 'HEAD' ? 'GET' : request.method} ${request.path}`)) return next();
    try {
      factsOf(response).caller = await options.signIn.check(
        request.get('authorization'),
        request.socket.remoteAddress ?? 'unknown',
      );
    } catch (error) {
      if (error instanceof HttpProblem) options.metrics.failedSignIns.inc();
      throw error;
    }
    next();
  };
}

/** Express knows an error handler by its four parameters. */
function problemAnswers(logger: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, _next) => {
    const { requestId, route } = factsOf(response);
    const problem = problemOf(error, requestId);
    if (problem.status === 500 || classOf(error) === 'ours') {
      logger.error({ error, requestId, route }, 'a request failed');
    }
    if (response.headersSent) {
      // Too late for a problem: a cut connection is the only honest end of a half-sent answer.
      logger.warn({ error, requestId, route }, 'an answer was cut short');
      response.destroy();
      return;
    }
    response
      .status(problem.status)
      .set(problem.headers)
      .type('application/problem+json')
      .send(JSON.stringify(problem.body));
  };
}

/** The express application: sign-in, routes, problems. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(requestLog(options.logger, options.metrics, options.now));
  app.use(helmet());
  app.get('/healthz', (_request, response) => {
    factsOf(response).route = '/healthz';
    response.set('cache-control', 'no-store').json({ status: 'alive' });
  });
  app.get('/', (_request, response) => {
    factsOf(response).route = '/';
    response.type('html').send(landingPage(options.version));
  });
  const router = express.Router({ caseSensitive: true, strict: true });
  router.use((_request, response, next) => {
    response.set('cache-control', 'no-store');
    next();
  });
  router.use(requireSignIn(options));
  bindRoutes(router, options.routes, options.auditing);
  app.use(apiBase, router);
  app.use((request) => {
    throw new NotFound('route', `${request.method} ${request.path}`);
  });
  app.use(problemAnswers(options.logger));
  return app;
}
