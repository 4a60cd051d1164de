import { collections, HoldfastError } from '@holdfast/contracts';
import { type Running, serveQuestion } from '@holdfast/messaging';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
let running: Running | undefined;
let opened: { passphrase: string; mode: string }[];
beforeEach(async () => {
  api = await startTestApi();
  opened = [];
  running = await serveQuestion(api.messaging, 'default', 'prepareRepository', async (question) => {
    const passphrase = api.sealer.open(question.sealedPassphrase, `repository:${question.backend.path}`);
    opened.push({ passphrase, mode: question.mode });
    if (question.backend.path === '/full') {
      throw new HoldfastError('no-space', 'configuration', 'the disk is full', {
        remedy: 'Free some space.',
      });
    }
    if (passphrase === 'the wrong passphrase') {
      throw new HoldfastError('wrong-passphrase', 'configuration', 'the passphrase opens no key', {
        remedy: 'Check it.',
      });
    }
    return {
      engineId: `engine-${opened.length}`,
      ...(question.mode === 'create' ? { recoveryKey: 'RK-1' } : {}),
    };
  });
});
afterEach(async () => {
  await running?.stop();
  await api.stop();
});

const input = (name: string, path: string, more: object = {}) => ({
  name,
  backend: { kind: 'fs', path },
  passphrase: 'correct horse battery',
  ...more,
});
const list = async () => (await api.call('GET', '/repositories')).body.items;

describe('a repository', () => {
  test('is made by a proxy, and its recovery key is told once', async () => {
    const made = await api.call('POST', '/repositories', { body: input('Main', '/srv/a') });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'Main', engineId: 'engine-1', points: 0, recoveryKey: 'RK-1' });
    expect(opened).toEqual([{ passphrase: 'correct horse battery', mode: 'create' }]);
    const again = await api.call('GET', `/repositories/${made.body.id}`);
    expect(again.body.recoveryKey).toBeUndefined();
    expect(JSON.stringify([made.body, again.body, await list()])).not.toMatch(/sealed|correct horse/);
    const stored = await api.store.collection(collections.repositories).get(made.body.id);
    expect(api.sealer.open(stored?.doc.sealedPassphrase ?? '', 'repository:/srv/a')).toBe(
      'correct horse battery',
    );
  });

  test('has a recovery sheet that names its place and key slots and no secret', async () => {
    const describing = await serveQuestion(api.messaging, 'default', 'describeRepository', async () => ({
      ...{ repositoryId: 'engine-1', format: 1, createdAt: '2026-01-02T03:04:05.000Z' },
      slots: [
        {
          slotId: 'slot-9',
          kind: 'recovery' as const,
          createdAt: '2026-01-02T03:04:05.000Z',
          kdf: 'argon2id',
        },
      ],
    }));
    const { id } = (await api.call('POST', '/repositories', { body: input('Main', '/srv/the place') })).body;
    const { status, body } = await api.call('GET', `/repositories/${id}/recovery-sheet`);
    expect(status).toBe(200);
    for (const part of ['Main', "'/srv/the place'", 'engine-1', 'slot-9', 'holdfast-reader'])
      expect(body.sheet).toContain(part);
    expect(body.sheet).not.toContain('correct horse');
    await describing.stop();
  });

  test('that exists is attached without a recovery key', async () => {
    const made = await api.call('POST', '/repositories', {
      body: input('Old', '/srv/b', { mode: 'attach' }),
    });
    expect(made.status).toBe(201);
    expect(made.body.recoveryKey).toBeUndefined();
  });

  test.each([
    [
      'a wrong passphrase',
      input('W', '/srv/w', { passphrase: 'the wrong passphrase', mode: 'attach' }),
      'wrong-passphrase',
    ],
    ['a full disk', input('F', '/full'), 'no-space'],
  ])('with %s leaves nothing behind and says what to do', async (_what, body, code) => {
    const answer = await api.call('POST', '/repositories', { body });
    expect(answer.body).toMatchObject({ status: 422, code, remedy: expect.any(String) });
    expect(await list()).toEqual([]);
  });

  test.each([
    ['a relative path', input('R', 'srv/x'), 'backend.path'],
    ['a short passphrase', input('S', '/srv/x', { passphrase: 'short' }), 'passphrase'],
    ['an unknown kind', { ...input('K', '/x'), backend: { kind: 'tape', path: '/x' } }, 'backend.kind'],
  ])('with %s is refused before a proxy is asked', async (_what, body, field) => {
    const answer = await api.call('POST', '/repositories', { body });
    expect(answer.status).toBe(422);
    expect(answer.body.problems[0].field).toBe(field);
    expect(JSON.stringify(answer.body)).not.toContain('correct horse');
    expect(opened).toEqual([]);
  });

  test('cannot take the name or the place of another, and no proxy is asked', async () => {
    await api.call('POST', '/repositories', { body: input('Main', '/srv/a') });
    const name = await api.call('POST', '/repositories', { body: input('Main', '/srv/b') });
    const place = await api.call('POST', '/repositories', { body: input('Other', '/srv/a') });
    expect([name.body.code, place.body.code]).toEqual(['name-taken', 'place-taken']);
    expect(opened).toHaveLength(1);
  });

  test('without any proxy online is refused with what to start', async () => {
    await running?.stop();
    running = undefined;
    const answer = await api.call('POST', '/repositories', { body: input('Main', '/srv/a') });
    expect(answer.body).toMatchObject({ status: 503, code: 'no-proxy-online' });
    expect(await list()).toEqual([]);
  });
});
