import type { DirectoryGroup, Tenant } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import { checkAdvanced, directoryPage, refuseSkip, userJson } from './directory.ts';
import { GraphError } from './errors.ts';
import { filterPaths, parseFilter, passes } from './filter.ts';
import { allowQuery, type GraphRequest } from './request.ts';
import { GROUP, readSelect, USER } from './schema.ts';

type Json = Record<string, unknown>;
const DEFAULT_GROUP = [
  'displayName',
  'mail',
  'groupTypes',
  'description',
  'mailEnabled',
  'mailNickname',
  'securityEnabled',
  'createdDateTime',
  'visibility',
];

/** A group as JSON. */
export function groupJson(tenant: Tenant, group: DirectoryGroup, select?: readonly string[]): Json {
  const nickname = group.displayName.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const all: Json = {
    displayName: group.displayName,
    mail: `${nickname}@${tenant.domain}`,
    groupTypes: [],
    mailEnabled: true,
    mailNickname: nickname,
    securityEnabled: true,
    createdDateTime: '2024-01-01T00:00:00Z',
  };
  const json: Json = { id: group.id };
  for (const name of select ?? DEFAULT_GROUP) if (name !== 'id') json[name] = all[name] ?? null;
  return json;
}

export function listGroups(request: GraphRequest): Reply {
  refuseSkip(request);
  allowQuery(request, '$select', '$top', '$filter', '$skiptoken', '$count');
  const select = readSelect(request.query.get('$select'), GROUP, 'group');
  const text = request.query.get('$filter');
  checkAdvanced(request, text);
  const filter = text === undefined ? undefined : parseFilter(text);
  if (filter) readSelect(filterPaths(filter).join(','), GROUP, 'group');
  const groups = [...request.tenant.groups.values()].filter(
    (group) => !filter || passes(filter, groupJson(request.tenant, group)),
  );
  return directoryPage(request, groups, (group) => groupJson(request.tenant, group, select), 'groups');
}

export function findGroup(tenant: Tenant, id: string): DirectoryGroup {
  const group = tenant.groups.get(id.toLowerCase());
  if (!group)
    throw new GraphError(
      404,
      'Request_ResourceNotFound',
      `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
    );
  return group;
}

/** Direct members, or all members through groups; a cast leaves users only. */
export function listMembers(
  request: GraphRequest,
  group: DirectoryGroup,
  transitive: boolean,
  usersOnly: boolean,
): Reply {
  refuseSkip(request);
  allowQuery(request, '$select', '$top', '$skiptoken', '$count');
  const { tenant } = request;
  const select = readSelect(request.query.get('$select'), { ...GROUP, ...USER }, 'directoryObject');
  const seen = new Map<string, 'user' | 'group'>();
  const visit = (one: DirectoryGroup) => {
    for (const member of one.members) {
      if (seen.has(member.id)) continue;
      seen.set(member.id, member.kind);
      const inner = member.kind === 'group' ? tenant.groups.get(member.id) : undefined;
      if (inner && transitive) visit(inner);
    }
  };
  visit(group);
  const members = [...seen].filter(([id, kind]) => (kind === 'user' ? tenant.user(id) : !usersOnly));
  const show = ([id, kind]: [string, 'user' | 'group']): Json => {
    const user = kind === 'user' ? tenant.user(id) : undefined;
    if (user) return { '@odata.type': '#microsoft.graph.user', ...userJson(user, select) };
    return { '@odata.type': '#microsoft.graph.group', ...groupJson(tenant, findGroup(tenant, id), select) };
  };
  return directoryPage(request, members, show, 'directoryObjects');
}
