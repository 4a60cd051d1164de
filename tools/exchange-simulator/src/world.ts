import type { SimulatorControl } from './control/api.ts';
import { controlReply } from './control/httpControl.ts';
import type { Counters } from './control/statistics.ts';
import type { Tenant } from './directory/tenant.ts';
import { type EntraState, entra } from './entra/entra.ts';
import { answerBatch } from './graph/batch.ts';
import { errorReply, GraphError } from './graph/errors.ts';
import { answerGraph, type Caller, type GraphServices, type RawRequest } from './graph/service.ts';
import type { UploadSessions } from './graph/uploadSessions.ts';
import type { Reply } from './http/reply.ts';
import type { Answerer, WireAnswer, WireRequest } from './http/server.ts';

/** A service that is down answers with this status, or not at all. */
export type Outage = { readonly status: number } | 'reset';

/** Everything behind the simulator's door. */
export interface World extends GraphServices {
  readonly entra: EntraState;
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly counters: Counters;
  readonly outages: { graph: Outage | undefined; entra: Outage | undefined };
  readonly uploads: UploadSessions;
  readonly seed: number;
}

const outageReply = (outage: Outage): Reply =>
  outage === 'reset' ? { status: 200, bytes: Buffer.from('{}'), reset: true } : { status: outage.status };

/** Leads each request to Graph, the sign-in service, the upload host or the control API. */
export function createAnswerer(world: World, control: SimulatorControl): Answerer {
  return async (request, tooLarge) => {
    const { path } = request;
    if (path.startsWith('/_simulator/')) return { reply: await controlReply(control, request) };
    if (path.startsWith('/v1.0/') || path.startsWith('/beta/')) return graphAnswer(world, request, tooLarge);
    if (path.startsWith('/api/gv1.0/')) return uploadAnswer(world, request, tooLarge);
    if (world.outages.entra) return { reply: outageReply(world.outages.entra) };
    const reply = await entra(world.entra, {
      method: request.method,
      path,
      origin: request.origin,
      body: request.body,
      query: request.search,
    });
    if (reply?.status === 200 && path.endsWith('/token')) world.counters.tokensIssued++;
    return { reply: reply ?? { status: 404, json: { error: 'not_found' } } };
  };
}

const tooLargeError = () =>
  new GraphError(413, 'RequestEntityTooLarge', 'The request entity is larger than the limit of 4 MB.');

async function caller(world: World, authorization: string | undefined): Promise<Caller> {
  const claims = await world.entra.issuer.check(authorization, world.state.clock.now());
  const tenant = world.tenants.get(claims.tenantId);
  const application = tenant?.applications.get(claims.clientId);
  if (!tenant || !application)
    throw new GraphError(
      401,
      'InvalidAuthenticationToken',
      'The identity of the calling application could not be established.',
    );
  return { tenant, application, roles: claims.roles };
}

async function graphAnswer(world: World, request: WireRequest, tooLarge: boolean): Promise<WireAnswer> {
  const { counters } = world;
  if (world.outages.graph) return { reply: outageReply(world.outages.graph) };
  counters.started();
  counters.bytesReceived += request.body.length;
  let release = () => {};
  const done = (bytes: number) => {
    counters.active--;
    counters.bytesServed += bytes;
    release();
  };
  let reply: Reply;
  try {
    const who = await caller(world, request.headers.authorization);
    if (tooLarge) throw tooLargeError();
    const version = request.path.startsWith('/beta/') ? 'beta' : 'v1.0';
    const raw: RawRequest = {
      method: request.method,
      version,
      path: request.path.slice(5),
      search: request.search,
      headers: request.headers,
      body: request.body,
      root: `${request.origin}/${version}`,
    };
    if (/^\/(\$|%24)batch\/?$/i.test(raw.path) && request.method === 'POST')
      reply = await answerBatch(world, raw, who, request);
    else {
      const answer = await answerGraph(world, raw, who, request);
      release = answer.release;
      reply = answer.reply;
    }
  } catch (error) {
    if (!(error instanceof GraphError)) {
      done(0);
      throw error;
    }
    reply = errorReply(error, request, world.state.clock.now());
  }
  counters.answered(reply.status);
  return { reply, sent: done };
}

async function uploadAnswer(world: World, request: WireRequest, tooLarge: boolean): Promise<WireAnswer> {
  world.counters.count('upload.put', undefined);
  world.counters.bytesReceived += request.body.length;
  try {
    if (tooLarge) throw tooLargeError();
    const { path, method, headers, body, search } = request;
    const reply = await world.uploads.handle({ path, method, headers, body, query: search }, world);
    return { reply };
  } catch (error) {
    if (error instanceof GraphError) return { reply: errorReply(error, request, world.state.clock.now()) };
    throw error;
  }
}
