import { writeFile } from 'node:fs/promises';
import {
  buildMailbox,
  buildOrganization,
  buildRepository,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@holdfast/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../services/api/src/testing/startTestApi.ts';
import { cliFor } from '../testing/startCli.ts';
import { ruleOf, sourceOf } from './jobScope.ts';

let api: TestApi;
let directory: TemporaryDirectory;
const cli = cliFor(() => api);

beforeAll(async () => {
  directory = temporaryDirectory('cli');
  api = await startTestApi();
  await api.insert('organizations', buildOrganization());
  const second = { id: 'repo-2', name: 'Second', backend: { kind: 'fs' as const, path: '/srv/second' } };
  await api.insert('repositories', buildRepository(), buildRepository(second));
  await api.insert('mailboxes', ...['anna', 'bert', 'carl'].map((userId) => buildMailbox({ userId })));
});
afterAll(async () => {
  await api.stop();
  directory.remove();
});

describe('sources', () => {
  test.each([
    ['all', { kind: 'organization' }],
    ['mailbox:a@b.example', { kind: 'mailbox', address: 'a@b.example' }],
    ['group:g1', { kind: 'group', groupId: 'g1' }],
    ['direct:g1', { kind: 'group', groupId: 'g1', members: 'direct' }],
    ['rule:type=room+equipment,name=R*', { kind: 'rule', types: ['room', 'equipment'], displayName: 'R*' }],
  ])('%s', (text, expected) => {
    expect(sourceOf(text)).toEqual(expected);
  });

  test.each(['', 'mailbox:', 'everybody', 'rule:colour=red', 'rule:domain='])('%j is refused', (text) => {
    expect(() => sourceOf(text)).toThrow(/is no (source|part of a rule)/);
  });

  test('a rule has every attribute by its short name', () => {
    expect(ruleOf('domain=x.example,department=Sales*')).toEqual({
      domain: 'x.example',
      department: 'Sales*',
    });
  });
});

describe('a scope from a terminal', () => {
  const flags = [
    ...['--org', 'contoso', '--repo', 'main', '--source', 'mailbox:bert@contoso.example', '--source', 'all'],
    ...[
      '--exclude',
      'carl@contoso.example',
      '--exclude-folder',
      'deleteditems',
      '--exclude-folder',
      '/Inbox/News',
    ],
    ...['--to', 'Second=mailbox:anna@contoso.example'],
  ];

  test('is previewed before it is saved, saved, shown and changed without losing the rest', async () => {
    const preview = await cli.run(['job', 'preview', ...flags]);
    expect(preview).toMatchObject({ code: 0, out: expect.stringContaining('2 in, 1 out, 0 in trouble') });
    expect(preview.out).toMatch(/bert@contoso\.example[\s\S]*anna@contoso\.example[^\n]*in[^\n]*Second/);
    const made = await cli.json(['job', 'create', '--name', 'Scoped', ...flags]);
    expect(made.document).toMatchObject({
      sources: [{ kind: 'mailbox' }, { kind: 'organization' }],
      exclude: {
        mailboxes: ['carl@contoso.example'],
        folders: [{ name: 'deleteditems' }, { path: '/Inbox/News' }],
      },
      destinations: [{ repositoryId: 'repo-2' }],
    });
    const changed = await cli.json(['job', 'edit', 'Scoped', '--exclude-rule', 'type=room']);
    expect(changed.document.exclude).toMatchObject({
      mailboxes: ['carl@contoso.example'],
      rules: [{ types: ['room'] }],
    });
    const shown = await cli.run(['job', 'show', 'Scoped']);
    expect(shown.out).toContain('deleteditems; /Inbox/News');
    const saved = await cli.json(['job', 'preview', 'Scoped', '--show', 'out']);
    expect(saved.document.items).toMatchObject([
      { address: 'carl@contoso.example', reason: 'excluded-mailbox' },
    ]);
  });

  test('items are left out by their age, of a job and of all jobs', async () => {
    const edited = await cli.json(['job', 'edit', 'Scoped', '--exclude-older', '3y']);
    expect(edited.document.exclude).toMatchObject({
      mailboxes: ['carl@contoso.example'],
      itemAge: { years: 3, by: 'received' },
    });
    expect((await cli.run(['job', 'show', 'Scoped'])).out).toContain('received more than 3 years ago');
    const two = ['job', 'edit', 'Scoped', '--item-age', '5y', '--item-age-by', 'modified'];
    expect(await cli.run(two)).toMatchObject({ code: 1, err: expect.stringContaining('exclude.itemAge.by') });
    const taken = await cli.json(['job', 'edit', 'Scoped', '--exclude-older', 'none']);
    expect(taken.document.exclude).not.toHaveProperty('itemAge');
    expect((await cli.run(['job', 'edit', 'Scoped', '--exclude-older-by', 'modified'])).code).toBe(2);

    expect((await cli.run(['settings', 'exclude'])).out).toContain('nothing out but what they exclude');
    const all = ['settings', 'exclude', '--exclude-folder', 'junkemail', '--exclude-older', '10y'];
    expect((await cli.run(all)).out).toMatch(/junkemail(.|\n)*received more than 10 years ago/);
    const more = await cli.json(['settings', 'exclude', '--exclude', 'dora@contoso.example']);
    expect(more.document).toMatchObject({
      mailboxes: ['dora@contoso.example'],
      folders: [{ name: 'junkemail' }],
      itemAge: { years: 10 },
    });
    expect(await cli.run(['settings', 'exclude', '--exclude', 'dora'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('mailboxes[0]'),
    });
    expect((await cli.json(['settings', 'exclude', '--none'])).document.mailboxes).toEqual([]);
  });

  test('what no job covers is listed', async () => {
    const coverage = await cli.run(['org', 'coverage', 'contoso']);
    expect(coverage.out).toContain('3 mailboxes: 2 in enabled jobs, 1 in none');
    expect(coverage.out).toContain('carl@contoso.example');
  });
});

test('pools are set and listed, and a proxy is put into maintenance', async () => {
  const set = await cli.run(['pool', 'set', 'north', '--org', 'contoso', '--repo', 'Second']);
  expect(set).toMatchObject({ code: 0, out: expect.stringContaining('north serves Contoso, Second') });
  const described = await cli.json(['pool', 'set', 'north', '--description', 'Hamburg']);
  expect(described.document).toMatchObject({ organizationIds: ['org-1'], repositoryIds: ['repo-2'] });
  expect((await cli.run(['pool', 'list'])).out).toMatch(/north[^\n]*Contoso[^\n]*Second[^\n]*Hamburg/);
  const lifted = await cli.run(['pool', 'set', 'north', '--org', 'all']);
  expect(lifted.out).toContain('north serves all organizations, Second');
  expect((await cli.json(['pool', 'delete', 'north'])).document).toEqual({ id: 'north', removed: true });
  const facts = { pool: 'default', version: '1', host: 'h', slots: 4, startedAt: '2026-01-01T00:00:00.000Z' };
  await api.insert('proxies', { id: 'proxy-7', ...facts, maintenance: false } as { id: string });
  expect((await cli.run(['proxy', 'maintenance', 'proxy-7', 'on'])).out).toContain('takes no new mailbox');
  expect((await cli.run(['proxy', 'list'])).out).toMatch(/proxy-7[^\n]*on/);
  expect((await cli.run(['proxy', 'maintenance', 'proxy-7', 'maybe'])).code).toBe(2);
});

test('an organization is edited: a date for its secret, an application for restores and back', async () => {
  const secret = directory.at('secret');
  await writeFile(secret, 'other-secret\n');
  const dated = await cli.json(['org', 'edit', 'contoso', '--secret-expires', '2027-01-31']);
  expect(dated.document.credential.expiresAt).toBe('2027-01-31T00:00:00Z');
  const two = ['--restore-client-id', 'app-2', '--restore-secret-file', secret];
  expect((await cli.json(['org', 'edit', 'contoso', ...two])).document.restoreApplication.clientId).toBe(
    'app-2',
  );
  const back = await cli.json(['org', 'edit', 'contoso', '--no-restore-application']);
  expect(back.document.restoreApplication).toBeUndefined();
  expect((await cli.run(['org', 'edit', 'contoso'])).code).toBe(2);
});
