import type { Group, Mailbox, Source } from '@holdfast/contracts';
import { buildJob, buildMailbox, buildRun } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resolveScope, taskOf } from './resolveScope.ts';

const ann = buildMailbox({ userId: 'ann' });
const bob = buildMailbox({ userId: 'bob' });
const cid = buildMailbox({ userId: 'cid' });
const gone = buildMailbox({ userId: 'gone', status: 'gone' });
const mailboxes = [cid, gone, ann, bob];
const group = (groupId: string, ...memberUserIds: string[]): Group => ({
  id: `org-1.${groupId}`,
  organizationId: 'org-1',
  groupId,
  displayName: groupId,
  memberUserIds,
  seenAt: '2026-01-01T00:00:00.000Z',
});
const groups = [group('sales', 'cid', 'bob', 'gone', 'someone-without-mailbox')];

function scope(sources: Source[], more: { exclude?: string[]; onlyMailboxes?: string[] } = {}): string[] {
  const job = buildJob({ sources, exclude: more.exclude ?? [] });
  return resolveScope({ job, onlyMailboxes: more.onlyMailboxes, mailboxes, groups }).map(
    ({ mailboxAddress, error }) =>
      error === undefined ? mailboxAddress : `${mailboxAddress}: ${error.code}`,
  );
}
const of = (mailbox: Mailbox): string => mailbox.address;

describe('the scope of a run', () => {
  test('the whole organization: every mailbox that is there, by address', () => {
    expect(scope([{ kind: 'organization' }])).toEqual([of(ann), of(bob), of(cid)]);
  });

  test('sources keep their order and a mailbox named twice comes once, at its first place', () => {
    expect(
      scope([
        { kind: 'mailbox', address: of(cid) },
        { kind: 'group', groupId: 'sales' },
        { kind: 'organization' },
      ]),
    ).toEqual([of(cid), of(bob), of(ann)]);
  });

  test('an address is found whatever its case', () => {
    expect(scope([{ kind: 'mailbox', address: 'ANN@Contoso.Example' }])).toEqual([of(ann)]);
  });

  test('exclusions win over every source, also over a mailbox named by itself', () => {
    const sources: Source[] = [{ kind: 'mailbox', address: of(ann) }, { kind: 'organization' }];
    expect(scope(sources, { exclude: ['Ann@contoso.example '] })).toEqual([of(bob), of(cid)]);
  });

  test('a run for chosen mailboxes leaves the others out', () => {
    expect(scope([{ kind: 'organization' }], { onlyMailboxes: [bob.id] })).toEqual([of(bob)]);
  });

  test('an unknown address becomes an entry with a remedy, and the others stay', () => {
    const sources: Source[] = [
      { kind: 'mailbox', address: 'nobody@contoso.example' },
      { kind: 'organization' },
    ];
    expect(scope(sources)).toEqual(['nobody@contoso.example: mailbox-unknown', of(ann), of(bob), of(cid)]);
  });

  test('a mailbox named by itself that has left the directory says so', () => {
    expect(scope([{ kind: 'mailbox', address: of(gone) }])).toEqual([`${of(gone)}: mailbox-gone`]);
  });

  test('a group that the directory does not have is an entry of its own', () => {
    expect(
      scope([
        { kind: 'group', groupId: 'ghosts' },
        { kind: 'mailbox', address: of(ann) },
      ]),
    ).toEqual(['group ghosts: group-unknown', of(ann)]);
  });

  test('an address that was given to another mailbox means the one that is there', () => {
    const old = buildMailbox({ userId: 'old', address: of(ann), status: 'gone' });
    const job = buildJob({ sources: [{ kind: 'mailbox', address: of(ann) }] });
    const [entry] = resolveScope({ job, mailboxes: [old, ann], groups });
    expect(entry).toEqual({ mailboxId: ann.id, mailboxAddress: of(ann) });
  });

  test('the order in which the inventory is read does not matter', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(mailboxes, { minLength: mailboxes.length }), (shuffled) => {
        const job = buildJob({ sources: [{ kind: 'group', groupId: 'sales' }, { kind: 'organization' }] });
        expect(resolveScope({ job, mailboxes: shuffled, groups })).toEqual(
          resolveScope({ job, mailboxes, groups }),
        );
      }),
    );
  });
});

test('what cannot be backed up is a failed task from the start, anything else is queued', () => {
  const run = buildRun();
  const error = { code: 'mailbox-unknown', errorClass: 'permanent-mailbox' as const, message: 'not there' };
  const now = '2026-11-22T02:10:00.000Z';
  expect(taskOf(run, { mailboxId: 'mbx-1', mailboxAddress: 'a@b.example' }, 4, now)).toMatchObject({
    id: 'run-1.mbx-1',
    state: 'queued',
    position: 4,
    attempts: 0,
  });
  expect(taskOf(run, { mailboxId: 'mbx-2', mailboxAddress: 'x', error }, 0, now)).toMatchObject({
    state: 'failed',
    finishedAt: now,
    error,
  });
});
