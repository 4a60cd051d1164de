import type { Application } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import { guidOf, hashText } from '../random.ts';
import { checkAdvanced, directoryPage, refuseSkip } from './directory.ts';
import { filterPaths, parseFilter, passes } from './filter.ts';
import { allowQuery, type GraphRequest } from './request.ts';
import { APPLICATION, readSelect } from './schema.ts';

type Json = Record<string, unknown>;

/** Entra ID gives a secret at most two years when nobody says otherwise. */
const secretLifeMs = 2 * 365 * 24 * 3600_000;

function applicationJson(application: Application, now: number, select?: readonly string[]): Json {
  const all: Json = {
    appId: application.clientId,
    displayName: `Application ${application.clientId.slice(0, 8)}`,
    createdDateTime: '2024-01-01T00:00:00Z',
    passwordCredentials: application.secrets.map(({ value, expiresAt }, index) => ({
      customKeyIdentifier: null,
      displayName: null,
      endDateTime: expiresAt ?? new Date(now + secretLifeMs).toISOString(),
      hint: value.slice(0, 3),
      keyId: guidOf(hashText(application.clientId), index),
      secretText: null,
      startDateTime: '2024-01-01T00:00:00Z',
    })),
    keyCredentials: [],
  };
  const json: Json = { id: guidOf(hashText('application object'), hashText(application.clientId)) };
  const wanted = select ?? Object.keys(all);
  for (const name of wanted) if (name !== 'id') json[name] = all[name] ?? null;
  return json;
}

/** `GET /applications`: the registrations of the tenant, with the ends of their secrets. */
export function listApplications(request: GraphRequest, now: number): Reply {
  refuseSkip(request);
  allowQuery(request, '$select', '$top', '$filter', '$skiptoken', '$count');
  const select = readSelect(request.query.get('$select'), APPLICATION, 'application');
  const text = request.query.get('$filter');
  checkAdvanced(request, text);
  const filter = text === undefined ? undefined : parseFilter(text);
  if (filter) readSelect(filterPaths(filter).join(','), APPLICATION, 'application');
  const found = [...request.tenant.applications.values()].filter(
    (application) => !filter || passes(filter, applicationJson(application, now)),
  );
  return directoryPage(request, found, (one) => applicationJson(one, now, select), 'applications');
}
