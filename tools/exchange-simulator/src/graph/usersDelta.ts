import type { Reply } from '../http/reply.ts';
import type { GraphState } from './context.ts';
import { tokenOf } from './deltaLink.ts';
import type { DeltaState } from './deltaTokens.ts';
import { userJson } from './directory.ts';
import { GraphError } from './errors.ts';
import { allowQuery, type GraphRequest } from './request.ts';
import { readSelect, USER } from './schema.ts';

/** `GET /users/delta`; the tokens of the directory live seven days. */
export function usersDelta(request: GraphRequest, state: GraphState): Reply {
  const { tenant } = request;
  const path = `${request.root}/users/delta`;
  const given = tokenOf(request);
  const latest = request.query.get('$deltatoken') === 'latest';
  if (!given || latest) allowQuery(request, '$select', '$deltatoken');
  const fresh: DeltaState = {
    of: 'users',
    mailbox: tenant.tenantId,
    folder: 0,
    after: 0,
    until: tenant.userSequence,
    initial: true,
    phase: 0,
    cursor: 0,
    select: request.query.get('$select'),
    expand: undefined,
    since: state.clock.now(),
    changeType: undefined,
    left: undefined,
  };
  const seal = (one: DeltaState, link: 'next' | 'delta') =>
    `${path}?$${link === 'next' ? 'skiptoken' : 'deltatoken'}=${state.tokens.seal({ ...one, since: state.clock.now() }, link)}`;
  const context = `${request.root}/$metadata#users`;
  if (latest)
    return {
      status: 200,
      json: {
        '@odata.context': context,
        '@odata.deltaLink': seal({ ...fresh, initial: false, after: fresh.until }, 'delta'),
        value: [],
      },
    };
  let walk = given
    ? state.tokens.open(
        given.token,
        { of: 'users', mailbox: tenant.tenantId, folder: 0, link: given.link },
        `${path}?$deltatoken=`,
      )
    : fresh;
  if (given && state.clock.now() - (walk.since ?? 0) > 7 * 86_400_000)
    throw new GraphError(410, 'SyncStateNotFound', 'The delta token is older than seven days.', {
      headers: { location: path },
    });
  if (given?.link === 'delta') walk = { ...walk, until: tenant.userSequence };
  const select = readSelect(walk.select, USER, 'user');
  const all = walk.initial
    ? tenant.users.filter((user) => !user.deleted)
    : [...tenant.userLog.changes(walk.after, walk.until)]
        .map(({ number }) => tenant.users[number])
        .filter((user) => user !== undefined);
  const page = all.slice(walk.cursor, walk.cursor + 100);
  const done = walk.cursor + 100 >= all.length;
  const value = page.map((user) =>
    user.deleted ? { id: user.id, '@removed': { reason: 'changed' } } : userJson(user, select),
  );
  const link = done
    ? { '@odata.deltaLink': seal({ ...walk, initial: false, after: walk.until, cursor: 0 }, 'delta') }
    : { '@odata.nextLink': seal({ ...walk, cursor: walk.cursor + 100 }, 'next') };
  return { status: 200, json: { '@odata.context': context, ...link, value } };
}
