import type { Destination, Exclusions, GroupRef, Rule, Source } from '@holdfast/contracts';

/** The parts of a job, and of the settings, that say which mailboxes are meant. */
export interface ScopePolicy {
  sources: readonly Source[];
  exclude: Exclusions;
  destinations: readonly Destination[];
  /** What no job backs up. */
  global?: Exclusions | undefined;
}

/** What has to be read from the directory before the scope can be told. */
export interface ScopeNeeds {
  groupIds: string[];
  /** The types of mailboxes, which a listing does not tell. */
  kinds: boolean;
}

/** All groups that are named anywhere, with the field that names each, as `sources[0].groupId`. */
export function namedGroups(policy: Omit<ScopePolicy, 'global'>): { field: string; group: GroupRef }[] {
  const inSources = (field: string, sources: readonly Source[]) =>
    sources.flatMap((source, at) =>
      source.kind === 'group' ? [{ field: `${field}[${at}].groupId`, group: source }] : [],
    );
  return [
    ...inSources('sources', policy.sources),
    ...policy.exclude.groups.map((group, at) => ({ field: `exclude.groups[${at}].groupId`, group })),
    ...policy.destinations.flatMap(({ match }, at) => inSources(`destinations[${at}].match`, match)),
  ];
}

export function scopeNeeds(policy: ScopePolicy): ScopeNeeds {
  const { sources, exclude, destinations, global } = policy;
  const named = [...namedGroups(policy).map(({ group }) => group), ...(global?.groups ?? [])];
  const all = [...sources, ...destinations.flatMap(({ match }) => match)];
  const rules: readonly Rule[] = [
    ...all.filter((source) => source.kind === 'rule'),
    ...exclude.rules,
    ...(global?.rules ?? []),
  ];
  return {
    groupIds: [...new Set(named.map(({ groupId }) => groupId))],
    kinds: rules.some(({ types }) => types !== undefined),
  };
}
