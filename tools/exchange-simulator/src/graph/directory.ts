import type { DirectoryUser, Tenant } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import type { MailContext } from './context.ts';
import { badRequest, GraphError } from './errors.ts';
import { conjuncts, filterPaths, parseFilter, passes } from './filter.ts';
import { allowQuery, type GraphRequest, numberOption } from './request.ts';
import { readSelect, USER } from './schema.ts';

type Json = Record<string, unknown>;
const DEFAULT_USER = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
];
const EXCHANGE_PLAN = '9aaf7827-d63c-4b61-89c3-182f06f82e5c';

/** A user as JSON. */
export function userJson(user: DirectoryUser, select?: readonly string[]): Json {
  const hasMailbox = user.kind !== 'none';
  const licensed = hasMailbox && user.purpose === 'user';
  const [givenName = '', ...rest] = user.displayName.split(' ');
  const all: Json = {
    displayName: user.displayName,
    givenName,
    surname: rest.join(' '),
    mail: hasMailbox ? user.userPrincipalName : null,
    userPrincipalName: user.userPrincipalName,
    businessPhones: [],
    accountEnabled: user.purpose === 'user',
    userType: 'Member',
    department: user.department ?? null,
    assignedPlans: licensed
      ? [
          {
            assignedDateTime: '2024-01-01T00:00:00Z',
            capabilityStatus: 'Enabled',
            service: 'exchange',
            servicePlanId: EXCHANGE_PLAN,
          },
        ]
      : [],
    assignedLicenses: [],
    proxyAddresses: hasMailbox ? [`SMTP:${user.userPrincipalName}`] : [],
    mailNickname: user.userPrincipalName.split('@')[0],
    createdDateTime: '2024-01-01T00:00:00Z',
    otherMails: [],
  };
  const json: Json = { id: user.id };
  for (const name of select ?? DEFAULT_USER) if (name !== 'id') json[name] = all[name] ?? null;
  return json;
}

function eventual(request: GraphRequest): boolean {
  return (
    String(request.headers.consistencylevel ?? '').toLowerCase() === 'eventual' &&
    request.query.get('$count') === 'true'
  );
}

export function checkAdvanced(request: GraphRequest, text: string | undefined): void {
  const advanced =
    text !== undefined && (/\bne\b|\bnot\b|endswith/i.test(text.replaceAll(/'[^']*'/g, '')) || false);
  if (advanced && !eventual(request))
    throw badRequest(
      'Operator is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header.',
      'Request_UnsupportedQuery',
    );
}

/** One page of a directory collection; the opaque token holds only where to go on. */
export function directoryPage<T>(
  request: GraphRequest,
  all: readonly T[],
  show: (one: T) => Json,
  type: string,
): Reply {
  const size = numberOption(request, '$top', 1, 999) ?? 100;
  const token = request.query.get('$skiptoken');
  const start =
    token === undefined
      ? 0
      : Number(/^RFNwdAIA(\d+)_/.exec(Buffer.from(token, 'base64url').toString())?.[1] ?? Number.NaN);
  if (Number.isNaN(start))
    throw badRequest(
      'The specified page token value has expired and can no longer be included in your request.',
      'Directory_ExpiredPageToken',
    );
  const page = all.slice(start, start + size);
  const options = [...request.query]
    .filter(([name]) => name !== '$skiptoken')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const next = Buffer.from(`RFNwdAIA${start + size}_${type}`).toString('base64url');
  const path = `/${request.segments.map(encodeURIComponent).join('/')}`;
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#${type}`,
      ...(request.query.get('$count') === 'true' ? { '@odata.count': all.length } : {}),
      ...(start + size < all.length
        ? { '@odata.nextLink': `${request.root}${path}?${[...options, `$skiptoken=${next}`].join('&')}` }
        : {}),
      value: page.map(show),
    },
  };
}

export function refuseSkip(request: GraphRequest): void {
  if (request.query.has('$skip'))
    throw badRequest("'$skip' is not supported by the service.", 'Request_UnsupportedQuery');
}

export function listUsers(request: GraphRequest): Reply {
  refuseSkip(request);
  allowQuery(request, '$select', '$top', '$filter', '$skiptoken', '$count', '$orderby');
  const select = readSelect(request.query.get('$select'), USER, 'user');
  if (select?.includes('mailboxSettings'))
    throw new GraphError(501, 'NotImplemented', 'This operation target is not yet supported.');
  const text = request.query.get('$filter');
  checkAdvanced(request, text);
  const live = request.tenant.users.filter((user) => !user.deleted);
  if (text === undefined) return directoryPage(request, live, (user) => userJson(user, select), 'users');
  const filter = parseFilter(text);
  const paths = filterPaths(filter);
  readSelect(paths.map((path) => path.split('/')[0]).join(','), USER, 'user');
  const exact = conjuncts(filter).find(
    (one) =>
      one.op === 'compare' &&
      one.by === 'eq' &&
      (one.path === 'mail' || one.path === 'userPrincipalName' || one.path === 'id'),
  );
  const candidates =
    exact?.op === 'compare'
      ? [request.tenant.user(String(exact.value))].filter((user) => user !== undefined)
      : live;
  const found = candidates.filter((user) =>
    passes(filter, userJson(user, ['id', ...paths.map((path) => path.split('/')[0] ?? '')])),
  );
  return directoryPage(request, found, (user) => userJson(user, select), 'users');
}

export function findUser(tenant: Tenant, idOrName: string): DirectoryUser {
  const user = tenant.user(idOrName);
  if (!user)
    throw new GraphError(
      404,
      'Request_ResourceNotFound',
      `Resource '${idOrName}' does not exist or one of its queried reference-property objects are not present.`,
    );
  return user;
}

export function getUser(request: GraphRequest, user: DirectoryUser): Reply {
  allowQuery(request, '$select');
  const select = readSelect(request.query.get('$select'), USER, 'user');
  const settings = select?.includes('mailboxSettings') ? { mailboxSettings: settingsJson(user) } : {};
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#users/$entity`,
      ...userJson(
        user,
        select?.filter((name) => name !== 'mailboxSettings'),
      ),
      ...settings,
    },
  };
}

function settingsJson(user: DirectoryUser): Json {
  return {
    archiveFolder: '',
    timeZone: 'W. Europe Standard Time',
    dateFormat: 'yyyy-MM-dd',
    timeFormat: 'HH:mm',
    userPurpose: user.purpose,
    delegateMeetingMessageDeliveryOptions: 'sendToDelegateOnly',
    language: { locale: 'en-GB', displayName: 'English (United Kingdom)' },
    automaticRepliesSetting: {
      status: 'disabled',
      externalAudience: 'none',
      internalReplyMessage: '',
      externalReplyMessage: '',
    },
  };
}

/** `GET /mailboxSettings` and its `userPurpose`. */
export function mailboxSettings(context: MailContext, property: string | undefined): Reply {
  const { request, user } = context;
  allowQuery(request, '$select');
  const all = {
    ...settingsJson(user),
    archiveFolder: context.mailbox.folderByWellKnownName('archive') ? context.mailbox.ids.folder(7) : '',
  };
  const root = `${request.root}/$metadata#users('${user.id}')/mailboxSettings`;
  if (property === undefined) return { status: 200, json: { '@odata.context': root, ...all } };
  if (property !== 'userPurpose' && property !== 'timeZone')
    throw badRequest(`Resource not found for the segment '${property}'.`);
  return { status: 200, json: { '@odata.context': `${root}/${property}`, value: (all as Json)[property] } };
}
