import { waitFor } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.stop());

interface Line {
  by: string;
  operation: string;
  path: string;
  fields: string[];
  status?: number;
}

const lines = async (query = ''): Promise<Line[]> => (await api.call('GET', `/audit${query}`)).body.items;

/** The status comes when the answer has left. */
const answered = (count: number) =>
  waitFor(
    async () => {
      const all = await lines();
      return all.length === count && all.every(({ status }) => status !== undefined) ? all : undefined;
    },
    { what: `${count} lines of the audit log with their status` },
  );

describe('the audit log', () => {
  test('has each change, refused ones too, with who and how it ended, and no value', async () => {
    await api.call('POST', '/tokens', { body: { name: 'Carla', role: 'viewer' } });
    // Newest first is by time: lines of the same moment have no order.
    await api.clock.advance(1_000);
    await api.call('POST', '/tokens', { body: { name: '', secret: 'VERY-SECRET' } });
    const [refused, made] = await answered(2);
    expect(made).toMatchObject({
      operation: 'addToken',
      path: '/tokens',
      fields: ['name', 'role'],
      status: 201,
    });
    expect(refused).toMatchObject({ operation: 'addToken', fields: ['name', 'secret'], status: 422 });
    expect(JSON.stringify(await lines())).not.toMatch(/VERY-SECRET|Carla/);
  });

  test('has no line for looking, nor for who may not', async () => {
    const { token } = (await api.call('POST', '/tokens', { body: { name: 'Viewer', role: 'viewer' } })).body;
    await api.call('GET', '/jobs');
    expect((await api.call('POST', '/tokens', { token, body: { name: 'x' } })).status).toBe(403);
    expect(await answered(1)).toHaveLength(1);
    expect((await api.call('GET', '/audit', { token })).status).toBe(403);
  });

  test('can be asked by who, what and when', async () => {
    await api.call('POST', '/tokens', { body: { name: 'a', role: 'viewer' } });
    await answered(1);
    expect(await lines('?operation=addToken')).toHaveLength(1);
    expect(await lines('?operation=addJob')).toEqual([]);
    expect(await lines('?by=nobody')).toEqual([]);
    expect(await lines('?since=2100-01-01T00:00:00.000Z')).toEqual([]);
  });
});
