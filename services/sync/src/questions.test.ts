import { collections, HoldfastError, mailboxIdOf } from '@holdfast/contracts';
import { askQuestion } from '@holdfast/messaging';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createProxyWorld, type ProxyWorld, proxyActions, sealer } from './testing/proxyWorld.ts';

let world: ProxyWorld;
const { startProxy } = proxyActions(() => world);

beforeEach(async () => {
  world = await createProxyWorld();
});

afterEach(() => world.close());

describe('questions to a proxy', () => {
  const ask = <N extends Parameters<typeof askQuestion>[2]>(name: N, request: never) =>
    askQuestion(world.messaging, 'default', name, request, { timeoutMs: 45_000 });

  test('verifyOrganization answers the checks of the connection; an unknown organization is refused', async () => {
    await startProxy();
    const answer = await ask('verifyOrganization', { organizationId: 'org-1' } as never);
    expect(answer).toEqual({ checks: world.exchange.checks });
    await expect(ask('verifyOrganization', { organizationId: 'org-9' } as never)).rejects.toMatchObject({
      code: 'organization-not-found',
    });
  });

  test('refreshInventory writes what is new, leaves what is unchanged and marks what vanished', async () => {
    world.exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    world.exchange.addMailbox({ userId: 'bo', address: 'bo@example.com' });
    world.exchange.addGroup('g1', 'Sales', ['bo', 'ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1'] } as never;
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 0, unknownGroups: [] });
    world.exchange.removeMailbox('bo');
    world.exchange.addMailbox({ userId: 'cy', address: 'cy@example.com' });
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 1, unknownGroups: [] });
    expect(await ask('refreshInventory', request)).toEqual({ mailboxes: 2, gone: 0, unknownGroups: [] });
    const mailboxes = world.store.collection(collections.mailboxes);
    expect(await mailboxes.get(mailboxIdOf('org-1', 'ann'))).toMatchObject({ version: 1 });
    expect(await mailboxes.get(mailboxIdOf('org-1', 'bo'))).toMatchObject({ doc: { status: 'gone' } });
    const groups = await world.store.collection(collections.groups).find({});
    expect(groups.items).toMatchObject([
      { version: 1, doc: { groupId: 'g1', memberUserIds: ['ann', 'bo'] } },
    ]);
    const unknown = { organizationId: 'org-1', groupIds: ['g9', 'g1'] } as never;
    expect(await ask('refreshInventory', unknown)).toMatchObject({ unknownGroups: ['g9'] });
  });

  test('an inventory keeps direct members apart, departments, and kinds when they are asked for', async () => {
    world.exchange.addMailbox({
      userId: 'ann',
      address: 'ann@example.com',
      department: 'Sales',
      kind: 'unknown',
    });
    world.exchange.addMailbox({ userId: 'bo', address: 'bo@example.com' });
    world.exchange.addGroup('g1', 'Sales', ['bo', 'ann'], ['ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1'] };
    await ask('refreshInventory', request as never);
    const mailboxes = world.store.collection(collections.mailboxes);
    const ann = await mailboxes.get(mailboxIdOf('org-1', 'ann'));
    expect(ann?.doc).toMatchObject({ department: 'Sales', kind: 'unknown' });
    expect(ann?.doc.kindAt).toBeUndefined();
    const groups = await world.store.collection(collections.groups).find({});
    expect(groups.items[0]?.doc).toMatchObject({ memberUserIds: ['ann', 'bo'], directUserIds: ['ann'] });
    await ask('refreshInventory', { ...request, kinds: true } as never);
    expect((await mailboxes.get(mailboxIdOf('org-1', 'bo')))?.doc).toMatchObject({
      kind: 'user',
      kindAt: expect.any(String),
    });
  });

  test('readGroups reads groups alone; one that is gone loses its members; findGroups looks by name', async () => {
    world.exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    world.exchange.addGroup('g1', 'Sales', ['ann']);
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: ['g1', 'g9'] } as never;
    expect(await ask('readGroups', request)).toEqual({ unknownGroups: ['g9'] });
    const rows = world.store.collection(collections.groups);
    expect((await rows.find({})).items).toMatchObject([
      { doc: { status: 'active', memberUserIds: ['ann'] } },
    ]);
    expect((await world.store.collection(collections.mailboxes).find({})).items).toEqual([]);
    const search = { organizationId: 'org-1', search: 'sa', limit: 10 } as never;
    expect(await ask('findGroups', search)).toEqual({ groups: [{ groupId: 'g1', displayName: 'Sales' }] });
    world.exchange.removeGroup('g1');
    expect(await ask('readGroups', request)).toEqual({ unknownGroups: ['g1', 'g9'] });
    expect((await rows.find({})).items).toMatchObject([{ doc: { status: 'gone', memberUserIds: [] } }]);
  });

  test('a directory that cannot be read marks nobody as gone', async () => {
    world.exchange.addMailbox({ userId: 'ann', address: 'ann@example.com' });
    await startProxy();
    const request = { organizationId: 'org-1', groupIds: [] } as never;
    await ask('refreshInventory', request);
    world.exchange.directoryFault = new HoldfastError(
      'wrong-secret',
      'configuration',
      'The secret is wrong.',
    );
    await expect(ask('refreshInventory', request)).rejects.toMatchObject({ code: 'wrong-secret' });
    const stored = await world.store.collection(collections.mailboxes).get(mailboxIdOf('org-1', 'ann'));
    expect(stored?.doc.status).toBe('active');
  });

  test('prepareRepository creates and attaches; the errors of the engine come through', async () => {
    await startProxy();
    world.place = `${world.place}-new`;
    const request = { backend: { kind: 'fs', path: '/srv/x' }, sealedPassphrase: 'sealed:x', mode: 'create' };
    const created = await ask('prepareRepository', request as never);
    expect(created).toMatchObject({ engineId: expect.any(String), recoveryKey: expect.any(String) });
    await expect(ask('prepareRepository', request as never)).rejects.toMatchObject({
      code: 'repository-exists',
    });
    const attached = await ask('prepareRepository', { ...request, mode: 'attach' } as never);
    expect(attached).toEqual({ engineId: (created as { engineId: string }).engineId });
    const { backend, sealedPassphrase } = request;
    expect(await ask('describeRepository', { backend, sealedPassphrase } as never)).toMatchObject({
      repositoryId: (created as { engineId: string }).engineId,
      slots: expect.arrayContaining([expect.objectContaining({ kind: 'recovery' })]),
    });
    const open = sealer.open;
    sealer.open = () => 'another passphrase';
    await expect(ask('prepareRepository', { ...request, mode: 'attach' } as never)).rejects.toMatchObject({
      code: 'wrong-passphrase',
      remedy: expect.any(String),
    });
    sealer.open = open;
  });
});
