import {
  buckets,
  bucketTtlMs,
  collections,
  type ProxyHeartbeat,
  proxyHeartbeatSchema,
} from '@holdfast/contracts';
import { buildOrganization } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { endingCredentials } from './domain/watchCredentials.ts';
import { createWorld, type World } from './testing/world.ts';

// Hours of a clock that is moved by hand are many turns of the loops.
jest.setTimeout(180_000);

let world: World;
beforeEach(() => {
  world = createWorld();
});
afterEach(() => world.end());

const record = {
  ...{ id: 'proxy-9', pool: 'default', version: '1', host: 'h', slots: 4, maintenance: false },
  startedAt: '2026-11-22T01:00:00.000Z',
};
const proxies = () => world.store.collection(collections.proxies);

async function heart() {
  const bucket = await world.messaging().keyValue<ProxyHeartbeat>(buckets.proxies, {
    ttlMs: bucketTtlMs.proxies,
    parse: (json) => proxyHeartbeatSchema.parse(json),
  });
  return () => bucket.put(record.id, { ...record, busy: 0, mailboxes: [], at: world.clock.iso() });
}
const told = async (name: 'proxy.offline' | 'proxy.online') => (await world.events(name)).length;

describe('proxies', () => {
  test('one that vanishes is told offline once, and once online when it is back, whoever leads', async () => {
    await proxies().insert(record);
    const beat = await heart();
    await beat();
    const first = await world.scheduler();
    for (let n = 0; n < 10; n += 1) {
      await beat();
      await world.clock.advance(5_000);
    }
    expect(await told('proxy.offline')).toBe(0);
    await world.until('it is offline', async () => (await told('proxy.offline')) === 1, 5_000);
    expect((await proxies().get(record.id))?.doc.offlineSince).toBeDefined();
    let hasEnded = false;
    void first.stop().then(() => {
      hasEnded = true;
    });
    await world.until('the first scheduler has ended', () => hasEnded, 1_000);
    await world.scheduler({ instance: 'scheduler-2' });
    for (let n = 0; n < 20; n += 1) await world.clock.advance(5_000);
    expect(await told('proxy.offline')).toBe(1);
    await world.until(
      'it is back',
      async () => {
        await beat();
        return (await told('proxy.online')) === 1;
      },
      1_000,
    );
    await world.until(
      'that is noted',
      async () => (await proxies().get(record.id))?.doc.offlineSince === undefined,
    );
  });

  test('one that is stopped on purpose is offline at once', async () => {
    await proxies().insert({ ...record, stoppedAt: world.clock.iso() });
    await world.scheduler();
    await world.until('it is offline', async () => (await told('proxy.offline')) === 1, 1_000);
  });
});

describe('credentials', () => {
  const day = 24 * 3600_000;
  const now = Date.parse('2026-11-22T02:00:00.000Z');
  const ending = (days: number) => new Date(now + days * day).toISOString();
  const withEnd = (days: number) =>
    buildOrganization({ credential: { kind: 'secret', sealedSecret: 'sealed:x', expiresAt: ending(days) } });

  test.each([
    [31, 0],
    [29, 1],
    [0.5, 1],
    [-3, 1],
  ])('that end in %d days are told: %d', (days, count) => {
    expect(endingCredentials(withEnd(days), now)).toHaveLength(count);
  });

  test('both applications of an organization are looked at, and one without a date is not', () => {
    const organization = buildOrganization({
      restoreApplication: {
        clientId: 'app-2',
        credential: {
          kind: 'certificate',
          certificatePem: 'x',
          sealedPrivateKey: 'sealed:y',
          expiresAt: ending(3),
        },
      },
    });
    expect(endingCredentials(organization, now)).toMatchObject([
      { data: { application: 'restore', credential: 'certificate', daysLeft: 3 } },
    ]);
  });

  test('make the same event all day and another one the next day', () => {
    const organization = withEnd(10);
    const idAt = (hours: number) => endingCredentials(organization, now + hours * 3_600_000)[0]?.id;
    expect(idAt(1)).toBe(idAt(20));
    expect(idAt(24)).not.toBe(idAt(1));
  });

  test('are told once, however often they are looked at', async () => {
    await world.store.collection(collections.organizations).insert(withEnd(10));
    await world.scheduler();
    await world.until(
      'it is told',
      async () => (await world.events('organization.credential-expiring')).length === 1,
    );
    await world.clock.advance(2 * 3_600_000);
    expect(await world.events('organization.credential-expiring')).toHaveLength(1);
  });
});
