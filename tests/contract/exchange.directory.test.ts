import type { DirectoryMailbox, GraphConnectorOptions } from '@holdfast/exchange';
import { DEFAULT_CLIENT } from '@holdfast/exchange-simulator';
import { afterEach, describe, expect, test } from '@jest/globals';
import { generate } from 'selfsigned';
import { signal, startWorld, tenantWith, type World } from './exchange.support.ts';

let world: World;
afterEach(() => world.close());

async function open(
  options: Parameters<typeof startWorld>[0] = {},
  more: Partial<GraphConnectorOptions> = {},
) {
  world = await startWorld(options);
  const { directory } = world.connect(more);
  return { directory, control: world.sim.control };
}
async function all<T>(pages: AsyncIterable<T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

describe('the directory', () => {
  test('lists all users through its pages, each once', async () => {
    const { directory, control } = await open(
      tenantWith({ mailboxes: 2_500, messagesPerMailbox: 1, profile: 'small' }),
    );
    const pages: DirectoryMailbox[][] = [];
    for await (const page of directory.mailboxes()) pages.push(page);
    const users = await control.users();
    expect(pages.length).toBeGreaterThan(1);
    expect(
      pages
        .flat()
        .map((m) => m.userId)
        .sort(),
    ).toEqual(users.map((u) => u.id).sort());
  });

  test('knows the members of a group and of the groups in it', async () => {
    const { directory, control } = await open();
    const [a, b] = (await control.users()) as unknown as [
      { id: string; userPrincipalName: string },
      { id: string; userPrincipalName: string },
    ];
    await control.addGroup({ displayName: 'Inner', members: [b.userPrincipalName] });
    const id = await control.addGroup({ displayName: 'Outer', members: [a.userPrincipalName, 'Inner'] });
    expect((await all(directory.groupMembers(id))).sort()).toEqual([a.id, b.id].sort());
    expect(await directory.groupName(id)).toBe('Outer');
  });

  test.each(['11111111-1111-4111-8111-999999999999', 'no id at all'])(
    'says that there is no group %j',
    async (id) => {
      const { directory } = await open();
      await expect(all(directory.groupMembers(id))).rejects.toMatchObject({
        code: 'group-not-found',
        errorClass: 'configuration',
      });
      await expect(directory.groupName(id)).rejects.toMatchObject({ code: 'group-not-found' });
    },
  );

  test('tells kinds of mailboxes, and that there is none; without the permission they are unknown', async () => {
    const { directory, control } = await open();
    const [a, b, c] = (await control.users()) as unknown as [{ id: string }, { id: string }, { id: string }];
    await control.setMailboxPurpose(a.id, 'shared');
    await control.setMailboxKind(b.id, 'none');
    expect(Object.fromEntries(await directory.mailboxKinds([a.id, b.id, c.id]))).toEqual({
      [a.id]: 'shared',
      [b.id]: 'none',
      [c.id]: 'user',
    });
    await control.setRoles(DEFAULT_CLIENT, ['User.Read.All', 'Mail.Read']);
    const fresh = world.connect();
    expect([...(await fresh.directory.mailboxKinds([a.id, c.id])).values()]).toEqual(['unknown', 'unknown']);
  });

  test('stops listing when told to', async () => {
    const { directory } = await open();
    await expect(all(directory.mailboxes(AbortSignal.abort(new Error('stopped'))))).rejects.toThrow(
      'stopped',
    );
  });
});

describe('verifying a connection', () => {
  const results = async (world_: World, more: Partial<GraphConnectorOptions> = {}) => {
    const checks = await world_.connect(more).directory.verify();
    return Object.fromEntries(checks.map((check) => [check.name, check]));
  };

  test('a good one is good throughout', async () => {
    await open();
    const checks = await results(world);
    expect(Object.values(checks).filter((c) => c.result !== 'success')).toEqual([]);
  });

  test('a wrong secret, an unknown application and an unknown tenant are each told with their remedy', async () => {
    await open();
    const wrong = await results(world, { credential: { kind: 'secret', secret: 'guess' } });
    expect(wrong['Credentials accepted']).toMatchObject({
      result: 'failure',
      meaning: expect.stringContaining('AADSTS7000215'),
    });
    const application = await results(world, { clientId: '99999999-0000-4000-8000-000000000000' });
    expect(application['Credentials accepted']?.meaning).toContain('application is not known');
    const tenant = await results(world, { tenantId: '99999999-0000-4000-8000-000000000000' });
    expect(tenant['Credentials accepted']?.meaning).toContain('tenant does not exist');
    for (const checks of [wrong, application, tenant])
      expect(checks['Credentials accepted']?.remedy).toBeTruthy();
  });

  test('missing permissions name the jobs they limit', async () => {
    const { control } = await open();
    await control.setRoles(DEFAULT_CLIENT, ['User.Read.All', 'Mail.Read']);
    const checks = await results(world);
    expect(checks['Permission Mail.ReadWrite']).toMatchObject({
      result: 'warning',
      meaning: expect.stringContaining('not restored'),
    });
    expect(checks['Permission Mail.Read or Mail.ReadWrite']?.result).toBe('success');
    await control.setRoles(DEFAULT_CLIENT, []);
    const none = await results(world);
    expect(none['Permission User.Read.All']?.result).toBe('failure');
    expect(none['Users can be listed']?.result).toBe('failure');
  });

  test('a sign-in service that is down is transient, and the check says so', async () => {
    const { control } = await open();
    await control.setOutage('entra', { status: 503 });
    const checks = await results(world);
    expect(checks['Sign-in service reachable']).toMatchObject({
      result: 'failure',
      remedy: expect.stringContaining('network'),
    });
  });

  test('an expired token is renewed in the middle of work', async () => {
    const { control } = await open({ tokenLifetimeSeconds: 3600 });
    const connector = world.connect();
    const [user] = await control.users();
    const reader = await connector.reader({ userId: user!.id, address: '' }, { signal });
    expect((await reader.folders()).length).toBeGreaterThan(3);
    await control.advanceClock(2 * 3_600_000);
    expect((await reader.folders()).length).toBeGreaterThan(3);
  });

  test('signs in by certificate; one that is not registered is told', async () => {
    const { control } = await open();
    const pair = async () => {
      const made = await generate([{ name: 'commonName', value: 'holdfast' }], { keySize: 2048 });
      return { certificatePem: made.cert, privateKeyPem: made.private };
    };
    const [registered, other] = [await pair(), await pair()];
    const clientId = 'cccccccc-0000-4000-8000-000000000001';
    await control.addApplication({ clientId, certificates: [registered.certificatePem] });
    const good = await results(world, { clientId, credential: { kind: 'certificate', ...registered } });
    expect(Object.values(good).filter((c) => c.result === 'failure')).toEqual([]);
    const bad = await results(world, { clientId, credential: { kind: 'certificate', ...other } });
    expect(bad['Credentials accepted']).toMatchObject({
      result: 'failure',
      meaning: expect.stringContaining('not registered'),
    });
  });

  test('an expired secret is told as such', async () => {
    const { control } = await open();
    const clientId = 'cccccccc-0000-4000-8000-000000000002';
    await control.addApplication({
      clientId,
      secrets: [{ value: 'old', expiresAt: '2020-01-01T00:00:00Z' }],
    });
    const checks = await results(world, { clientId, credential: { kind: 'secret', secret: 'old' } });
    expect(checks['Credentials accepted']?.meaning).toContain('secret has expired');
  });
});
