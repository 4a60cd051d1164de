import type { IncomingHttpHeaders } from 'node:http';
import type { FaultAction, FaultPlan } from '../control/faults.ts';
import type { Holds } from '../control/holds.ts';
import type { Counters } from '../control/statistics.ts';
import type { Application, DirectoryUser, Tenant } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import type { Meter } from '../limits/meter.ts';
import type { GraphState, MailContext } from './context.ts';
import { accessDenied, directoryDenied, errorReply, GraphError } from './errors.ts';
import { type GraphRequest, readPreferences, readQuery, readSegments } from './request.ts';
import { findRoute, type MailRoute, type Route } from './routes.ts';

/** A request as it came over the wire or in a batch. */
export interface RawRequest {
  readonly method: string;
  readonly version: 'v1.0' | 'beta';
  /** Path behind the version, still encoded. */
  readonly path: string;
  /** What follows the question mark. */
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly root: string;
}

/** Who asks, from the access token. */
export interface Caller {
  readonly tenant: Tenant;
  readonly application: Application;
  readonly roles: ReadonlySet<string>;
}

export interface Answer {
  readonly reply: Reply;
  /** Ends the request for the concurrency meter; to be called when the answer is sent. */
  readonly release: () => void;
}

export interface GraphServices {
  readonly state: GraphState;
  readonly meter: Meter;
  readonly faults: FaultPlan;
  readonly counters: Counters;
  readonly holds: Holds;
}

const nothing = () => {};

/** Carries out one Graph request: route, permission, limits, faults, then the operation. */
export async function answerGraph(
  services: GraphServices,
  raw: RawRequest,
  caller: Caller,
  ids: { requestId: string; clientRequestId: string },
): Promise<Answer> {
  let release: () => void = nothing;
  try {
    const request: GraphRequest = {
      method: raw.method,
      segments: readSegments(raw.path),
      version: raw.version,
      query: readQuery(raw.search),
      headers: raw.headers,
      body: raw.body,
      root: raw.root,
      prefer: readPreferences(raw.headers.prefer),
      ...caller,
    };
    if (request.version === 'beta')
      throw new GraphError(400, 'BadRequest', 'The simulator serves v1.0 only.');
    const route = findRoute(request, services.state);
    services.counters.count(route.kind, route.area === 'mail' ? route.user.id : undefined);
    if (!route.needs.some((role) => caller.roles.has(role)))
      throw route.area === 'mail' ? accessDenied() : directoryDenied();
    if (route.area === 'mail')
      release = services.meter.start(
        caller.application.clientId,
        route.user.id,
        raw.method === 'GET' ? 0 : raw.body.length,
      );
    await latency(services.state);
    const action = services.faults.isEmpty ? undefined : services.faults.strike(subject(request, route));
    return { reply: await carryOut(services, request, route, action), release };
  } catch (error) {
    if (error instanceof GraphError)
      return { reply: errorReply(error, ids, services.state.clock.now()), release };
    release();
    throw error;
  }
}

async function latency(state: GraphState): Promise<void> {
  const [low, high] = state.limits.latencyMs;
  if (high > 0) await pause(low + state.random.unit() * (high - low));
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** What the fault plan may look at; ids are worked out only if a rule asks for them. */
function subject(request: GraphRequest, route: Route) {
  const user = route.area === 'mail' ? route.user : undefined;
  return {
    kind: route.kind,
    method: request.method,
    path: `/${request.segments.join('/')}`,
    mailbox: user ? [user.id.toLowerCase(), user.userPrincipalName.toLowerCase()] : [],
    message: () => (route.area === 'mail' ? messageNames(request, route) : []),
    folder: () => (route.area === 'mail' ? folderNames(request, route) : []),
  };
}

function messageNames(request: GraphRequest, route: MailRoute): string[] {
  if (route.message === undefined) return [];
  const { ids } = request.tenant.mailbox(route.user);
  const decoded = ids.decode(route.message);
  if (!decoded || decoded === 'foreign' || decoded.kind !== 'message') return [];
  const item = request.tenant.mailbox(route.user).item(decoded.n);
  const content = item?.content.properties();
  const messageId = content && !(content instanceof Promise) ? [content.internetMessageId] : [];
  return [
    route.message,
    ids.message(decoded.n, 0, true),
    ids.message(decoded.n, item?.moves ?? 0, false),
    ...messageId,
  ];
}

function folderNames(request: GraphRequest, route: MailRoute): string[] {
  if (route.folder === undefined) return [];
  const mailbox = request.tenant.mailbox(route.user);
  const byName = mailbox.folderByWellKnownName(route.folder.toLowerCase());
  const decoded = mailbox.ids.decode(route.folder);
  const number =
    byName?.number ??
    (decoded && decoded !== 'foreign' && decoded.kind === 'folder' ? decoded.number : undefined);
  const folder = number === undefined ? undefined : mailbox.folder(number);
  if (!folder) return [route.folder];
  return [route.folder, mailbox.ids.folder(folder.number), folder.displayName, folder.wellKnownName ?? ''];
}

async function carryOut(
  services: GraphServices,
  request: GraphRequest,
  route: Route,
  action: FaultAction | undefined,
): Promise<Reply> {
  if (action !== undefined) await suffer(services, action);
  const reply = await (route.area === 'mail' ? onMailbox(services, request, route, action) : route.run());
  return action?.type === 'reset' ? { ...reply, reset: true } : reply;
}

/** What a fault does before the operation: throws the error that it answers with, or waits. */
export async function suffer(services: GraphServices, action: FaultAction): Promise<void> {
  if (action.type === 'status') throw faulty(action);
  if (action.type === 'corrupt')
    throw new GraphError(500, 'ErrorCorruptData', 'Data is corrupt., Invalid global object ID: Id');
  if (action.type === 'expiredToken')
    throw new GraphError(
      401,
      'InvalidAuthenticationToken',
      'Lifetime validation failed, the token is expired.',
    );
  if (action.type === 'hold') await services.holds.wait();
  if (action.type === 'delay') await pause(action.milliseconds);
}

function faulty(action: Extract<FaultAction, { type: 'status' }>): GraphError {
  const headers = action.retryAfter === undefined ? {} : { 'retry-after': String(action.retryAfter) };
  return new GraphError(action.status, action.code ?? '', action.message ?? 'The request failed.', {
    headers,
    empty: action.code === undefined,
  });
}

function onMailbox(
  services: GraphServices,
  request: GraphRequest,
  route: MailRoute,
  action: FaultAction | undefined,
): Reply | Promise<Reply> {
  const context = mailContext(services, request, route.user);
  if (action?.type === 'vanish') vanish(context, route);
  if (route.kind === 'mail.send')
    services.counters.sentMail.push({
      mailbox: route.user.userPrincipalName,
      path: `/${request.segments.join('/')}`,
    });
  return route.run(context);
}

/** The mailbox of a request, unless there is none that may be touched. */
function mailContext(services: GraphServices, request: GraphRequest, user: DirectoryUser): MailContext {
  if (user.kind === 'none')
    throw new GraphError(
      404,
      'MailboxNotEnabledForRESTAPI',
      'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
    );
  const { restrictedTo } = request.application;
  const isRestricted = restrictedTo !== undefined && !request.tenant.isMember(user, restrictedTo);
  if (user.kind === 'outOfScope' || isRestricted)
    throw new GraphError(
      403,
      'ErrorAccessDenied',
      'Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.',
    );
  if (user.kind === 'readOnly' && request.method !== 'GET') throw accessDenied();
  return { state: services.state, request, user, mailbox: request.tenant.mailbox(user) };
}

function vanish(context: MailContext, route: MailRoute): void {
  const decoded = route.message === undefined ? undefined : context.mailbox.ids.decode(route.message);
  if (decoded && decoded !== 'foreign' && decoded.kind === 'message') context.mailbox.remove(decoded.n);
}
