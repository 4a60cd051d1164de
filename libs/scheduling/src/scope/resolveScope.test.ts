import {
  type Destination,
  type Exclusions,
  type Group,
  type Mailbox,
  noExclusions,
  type Source,
} from '@holdfast/contracts';
import { buildJob, buildMailbox } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resolveScope } from './resolveScope.ts';
import { scopeChange } from './scopeChange.ts';
import { namedGroups, scopeNeeds } from './scopeNeeds.ts';

const ann = buildMailbox({ userId: 'ann', displayName: 'Ann Smith', department: 'Sales' });
const bob = buildMailbox({ userId: 'bob', displayName: 'Bob Smith', department: 'Sales North' });
const cid = buildMailbox({ userId: 'cid', displayName: 'Cid', address: 'cid@fabrikam.example' });
const room = buildMailbox({ userId: 'room', displayName: 'Room 1', kind: 'room' });
const gone = buildMailbox({ userId: 'gone', status: 'gone' });
const mailboxes = [cid, gone, room, ann, bob];
const group = (groupId: string, direct: string[], nested: string[] = []): Group => ({
  id: `org-1.${groupId}`,
  organizationId: 'org-1',
  groupId,
  displayName: groupId,
  memberUserIds: [...direct, ...nested],
  directUserIds: direct,
  status: 'active',
  seenAt: '2026-01-01T00:00:00.000Z',
});
const groups = [group('sales', ['bob', 'gone', 'someone-without-mailbox'], ['cid'])];
const sales = { groupId: 'sales', members: 'transitive' as const };
const everyone: Source[] = [{ kind: 'organization' }];

interface More {
  exclude?: Partial<Exclusions>;
  global?: Partial<Exclusions>;
  destinations?: Destination[];
  onlyMailboxes?: string[];
}
function resolve(sources: Source[], more: More = {}, from: readonly Mailbox[] = mailboxes) {
  const job = buildJob({
    sources,
    exclude: { ...noExclusions, ...more.exclude },
    destinations: more.destinations ?? [],
  });
  const global = more.global === undefined ? undefined : { ...noExclusions, ...more.global };
  return resolveScope({ job, global, onlyMailboxes: more.onlyMailboxes, mailboxes: from, groups });
}
const names = (sources: Source[], more: More = {}) =>
  resolve(sources, more).entries.map(({ mailboxAddress, error }) =>
    error === undefined ? mailboxAddress.split('@')[0] : `${mailboxAddress}: ${error.code}`,
  );

describe('the sources of a scope', () => {
  test('the whole organization: every mailbox that is there, by address', () => {
    expect(names(everyone)).toEqual(['ann', 'bob', 'cid', 'room']);
  });

  test('sources keep their order and a mailbox named twice comes once, at its first place', () => {
    const sources: Source[] = [
      { kind: 'mailbox', address: cid.address },
      { kind: 'group', ...sales },
      ...everyone,
    ];
    expect(names(sources)).toEqual(['cid', 'bob', 'ann', 'room']);
  });

  test('a group has its own members, and those of groups within it unless only direct ones are wanted', () => {
    expect(names([{ kind: 'group', ...sales }])).toEqual(['bob', 'cid']);
    expect(names([{ kind: 'group', groupId: 'SALES', members: 'direct' }])).toEqual(['bob']);
  });

  test.each<[string, Extract<Source, { kind: 'rule' }>, string[]]>([
    ['a domain', { kind: 'rule', domain: 'Fabrikam.example' }, ['cid']],
    ['not a part of a domain', { kind: 'rule', domain: 'brikam.example' }, []],
    ['types', { kind: 'rule', types: ['room', 'equipment'] }, ['room']],
    ['a name', { kind: 'rule', displayName: '* smith' }, ['ann', 'bob']],
    ['a department', { kind: 'rule', department: 'sales' }, ['ann']],
    ['a department by pattern', { kind: 'rule', department: 'sales*' }, ['ann', 'bob']],
    [
      'all that is given',
      { kind: 'rule', department: 'sales*', displayName: 'b*', types: ['user'] },
      ['bob'],
    ],
  ])('a rule by %s', (_what, rule, expected) => {
    expect(names([rule])).toEqual(expected);
  });

  test('an address is found whatever its case', () => {
    expect(names([{ kind: 'mailbox', address: 'ANN@Contoso.Example' }])).toEqual(['ann']);
  });

  test('an unknown address becomes an entry with a remedy, and the others stay', () => {
    const sources: Source[] = [
      { kind: 'mailbox', address: 'nobody@contoso.example' },
      { kind: 'mailbox', address: ann.address },
    ];
    expect(names(sources)).toEqual(['nobody@contoso.example: mailbox-unknown', 'ann']);
  });

  test('a mailbox named by itself that has left the directory says so', () => {
    expect(names([{ kind: 'mailbox', address: gone.address }])).toEqual([`${gone.address}: mailbox-gone`]);
  });

  test('an address that was given to another mailbox means the one that is there', () => {
    const old = buildMailbox({ userId: 'old', address: ann.address, status: 'gone' });
    const { entries } = resolve([{ kind: 'mailbox', address: ann.address }], {}, [old, ann]);
    expect(entries).toEqual([
      { mailboxId: ann.id, mailboxAddress: ann.address, repositoryId: 'repo-1', source: 0 },
    ]);
  });

  test('a group that the directory does not have is an entry of its own, wherever it is named', () => {
    const ghosts = { groupId: 'ghosts', members: 'transitive' as const };
    expect(
      names([
        { kind: 'group', ...ghosts },
        { kind: 'mailbox', address: ann.address },
      ]),
    ).toEqual(['group ghosts: group-unknown', 'ann']);
    const elsewhere = [
      { exclude: { groups: [ghosts] } },
      { global: { groups: [ghosts] } },
      { destinations: [{ repositoryId: 'repo-2', match: [{ kind: 'group' as const, ...ghosts }] }] },
    ];
    for (const more of elsewhere) expect(names(everyone, more)).toContain('group ghosts: group-unknown');
  });

  test('a rule by type that nobody can judge says so instead of passing over mailboxes', () => {
    const dim = buildMailbox({ userId: 'dim', kind: 'unknown' });
    const asked = buildMailbox({ userId: 'asked', kind: 'unknown', kindAt: '2026-01-01T00:00:00.000Z' });
    const rule: Source = { kind: 'rule', types: ['room'] };
    const codes = (from: Mailbox[]) => resolve([rule], {}, from).entries.map(({ error }) => error?.code);
    expect(codes([dim, room])).toEqual([undefined, 'mailbox-types-unknown']);
    expect(codes([asked, room])).toEqual([undefined]);
  });
});

describe('exclusions', () => {
  test('win over every source, also over a mailbox named by itself', () => {
    const sources: Source[] = [{ kind: 'mailbox', address: ann.address }, ...everyone];
    expect(names(sources, { exclude: { mailboxes: ['Ann@contoso.example '] } })).toEqual([
      'bob',
      'cid',
      'room',
    ]);
  });

  test('by group, by rule, and those of the settings', () => {
    expect(names(everyone, { exclude: { groups: [sales] } })).toEqual(['ann', 'room']);
    expect(names(everyone, { exclude: { groups: [{ ...sales, members: 'direct' }] } })).toEqual([
      'ann',
      'cid',
      'room',
    ]);
    expect(names(everyone, { global: { rules: [{ types: ['room'] }], mailboxes: [bob.address] } })).toEqual([
      'ann',
      'cid',
    ]);
  });

  test('everybody who is out has a reason', () => {
    const { out } = resolve([{ kind: 'rule', domain: 'contoso.example' }], {
      exclude: { mailboxes: [ann.address], groups: [{ ...sales, members: 'direct' }] },
      global: { rules: [{ types: ['room'] }] },
    });
    expect(out.map(({ mailboxAddress, reason, global }) => [mailboxAddress, reason, global])).toEqual([
      [ann.address, 'excluded-mailbox', undefined],
      [bob.address, 'excluded-group', undefined],
      [cid.address, 'no-source', undefined],
      [gone.address, 'excluded-group', undefined],
      [room.address, 'excluded-rule', true],
    ]);
  });

  test('a run for chosen mailboxes leaves the others out', () => {
    expect(names(everyone, { onlyMailboxes: [bob.id] })).toEqual(['bob']);
    const { out } = resolve(everyone, { onlyMailboxes: [bob.id] });
    expect(out.filter(({ reason }) => reason === 'not-chosen')).toHaveLength(3);
  });
});

test('of several destinations the first that matches counts, and the default takes the rest', () => {
  const destinations: Destination[] = [
    { repositoryId: 'repo-2', match: [{ kind: 'group', ...sales }] },
    {
      repositoryId: 'repo-3',
      match: [
        { kind: 'mailbox', address: bob.address },
        { kind: 'rule', types: ['room'] },
      ],
    },
  ];
  const { entries } = resolve(everyone, { destinations });
  expect(entries.map(({ mailboxAddress, repositoryId }) => [mailboxAddress, repositoryId])).toEqual([
    [ann.address, 'repo-1'],
    [bob.address, 'repo-2'],
    [cid.address, 'repo-2'],
    [room.address, 'repo-3'],
  ]);
});

test('the order in which the inventory is read does not matter, and everybody is in or out once', () => {
  const sources: Source[] = [
    { kind: 'group', ...sales },
    { kind: 'rule', displayName: 'a*' },
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(mailboxes, { minLength: mailboxes.length }), (shuffled) => {
      const scope = resolve(sources, { exclude: { mailboxes: [cid.address] } }, shuffled);
      expect(scope).toEqual(resolve(sources, { exclude: { mailboxes: [cid.address] } }));
      const all = [...scope.entries, ...scope.out].map(({ mailboxId }) => mailboxId).sort();
      expect(all).toEqual(mailboxes.map(({ id }) => id).sort());
    }),
  );
});

describe('what must be read before', () => {
  test('groups wherever they are named, with the field of each, and types only for rules that ask for them', () => {
    const policy = {
      sources: [{ kind: 'group' as const, ...sales }],
      exclude: { ...noExclusions, groups: [{ ...sales, groupId: 'b' }] },
      destinations: [{ repositoryId: 'r', match: [{ kind: 'group' as const, ...sales, groupId: 'c' }] }],
      global: { ...noExclusions, groups: [{ ...sales, groupId: 'd' }] },
    };
    expect(scopeNeeds(policy)).toEqual({ groupIds: ['sales', 'b', 'c', 'd'], kinds: false });
    expect(namedGroups(policy).map(({ field }) => field)).toEqual([
      'sources[0].groupId',
      'exclude.groups[0].groupId',
      'destinations[0].match[0].groupId',
    ]);
    const rules = { ...policy.exclude, rules: [{ types: ['room' as const] }] };
    expect(scopeNeeds({ ...policy, exclude: rules }).kinds).toBe(true);
  });
});

describe('who joined and who left', () => {
  const member = (at: number) => ({
    mailboxId: `m-${at}`,
    mailboxAddress: `m${String(at).padStart(3, '0')}@x.example`,
  });
  const members = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => member(from + at));

  test('each with the reason, the lists bounded and the numbers whole', () => {
    const out = [{ mailboxId: 'm-0', mailboxAddress: 'm0@x.example', reason: 'gone' as const }];
    const change = scopeChange(
      { runId: 'run-1', members: members(0, 150) },
      { members: members(140, 300), out },
    );
    expect(change).toMatchObject({ sinceRunId: 'run-1', joined: { count: 150 }, left: { count: 140 } });
    expect(change.joined.mailboxes).toHaveLength(100);
    expect(change.left.mailboxes[0]).toEqual({ mailboxId: 'm-0', address: 'm000@x.example', reason: 'gone' });
    expect(change.left.mailboxes[1]?.reason).toBeUndefined();
  });

  test('nobody, when nothing changed', () => {
    const same = { members: members(0, 3), out: [] };
    expect(scopeChange({ runId: 'run-1', members: members(0, 3) }, same)).toMatchObject({
      joined: { count: 0, mailboxes: [] },
      left: { count: 0, mailboxes: [] },
    });
  });
});
