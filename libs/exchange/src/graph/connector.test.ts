import { HoldfastError } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import type { BudgetPort } from '../ports.ts';
import {
  hastyClock,
  refusal,
  type Scripted,
  type SeenRequest,
  scriptedTransport,
  testCloud,
  testGrant,
} from '../testing/scriptedTransport.ts';
import { createGraphConnector } from './connector.ts';

const signal = new AbortController().signal;
const mailbox = { userId: 'user-1', address: 'ann@example.com' };

function sign(request: SeenRequest): Scripted | undefined {
  if (!request.url.startsWith(testCloud.authority)) return undefined;
  const at = (path: string) => `${testCloud.authority}/t/${path}`;
  return request.method === 'POST'
    ? { body: { token_type: 'Bearer', expires_in: 3599, access_token: 'tok' } }
    : {
        body: {
          issuer: at('v2.0'),
          authorization_endpoint: at('authorize'),
          token_endpoint: at('oauth2/v2.0/token'),
          end_session_endpoint: at('logout'),
          jwks_uri: at('keys'),
        },
      };
}

function connect(answer: (request: SeenRequest) => Scripted | Error, budget?: BudgetPort) {
  const acquired: [string, string][] = [];
  let released = 0;
  const counting: BudgetPort = budget ?? {
    acquire(name, lane) {
      acquired.push([name, lane]);
      return Promise.resolve({
        ...testGrant(),
        fencedUntil: 0,
        release: () => {
          released++;
          return Promise.resolve();
        },
      });
    },
  };
  const transport = scriptedTransport((request) => sign(request) ?? answer(request));
  const connector = createGraphConnector({
    cloud: testCloud,
    tenantId: 't',
    clientId: 'client-1',
    credential: { kind: 'secret', secret: 'x' },
    budget: counting,
    clock: hastyClock(Date.now()),
    random: { next: () => 0 },
    transport,
  });
  return { connector, transport, acquired, released: () => released };
}

describe('a connector', () => {
  test('asks nobody before its first use', () => {
    const { transport } = connect(() => ({ body: {} }));
    expect(transport.seen).toEqual([]);
  });

  test('holds a share of the mailbox budget from open to close; restores take the reserved lane', async () => {
    const { connector, acquired, released } = connect(() => ({ body: { value: [] } }));
    const reader = await connector.reader(mailbox, { signal });
    const writer = await connector.writer(mailbox, { signal });
    expect(acquired).toEqual([
      ['client-1:user-1', 'backup'],
      ['client-1:user-1', 'restore'],
    ]);
    await reader.close();
    await writer.close();
    expect(released()).toBe(2);
  });

  test('what was used of the limits is remembered between two readers of a mailbox', async () => {
    const clock = hastyClock(Date.now());
    const connector = createGraphConnector({
      cloud: testCloud,
      tenantId: 't',
      clientId: 'c',
      credential: { kind: 'secret', secret: 'x' },
      budget: { acquire: () => Promise.resolve(testGrant()) },
      clock,
      random: { next: () => 0 },
      limits: { requests: { limit: 2, windowMs: 60_000 } },
      transport: scriptedTransport((request) => sign(request) ?? { body: { id: 'x', subject: '' } }),
    });
    const first = await connector.reader(mailbox, { signal });
    await first.item('1');
    await first.item('2');
    const second = await connector.reader(mailbox, { signal });
    await second.item('3');
    expect(second.statistics.throttledMs).toBeGreaterThanOrEqual(60_000);
    const other = await connector.reader({ ...mailbox, userId: 'user-2' }, { signal });
    await other.item('1');
    expect(other.statistics.throttledMs).toBe(0);
  });

  test('that is closed ends what is under way', async () => {
    const { connector } = connect(() => refusal(503, 'x', { 'retry-after': '1' }));
    const reader = await connector.reader(mailbox, { signal });
    await connector.close();
    await expect(reader.item('1')).rejects.toThrow('closed');
  });
});

describe('removing what a restore left half done', () => {
  const marked = (value: string): Scripted => ({
    body: {
      id: 'm',
      singleValueExtendedProperties: [
        { id: 'String {6F1D0B3E-8A53-4A0F-9D0E-2B7C4C9B5E17} Name HoldfastRestore', value },
      ],
    },
  });

  test('is for good; where that is not offered, by a plain delete', async () => {
    const { connector, transport } = connect((request) => {
      if (request.method === 'GET') return marked('unfinished:s1/k');
      return request.url.endsWith('/permanentDelete')
        ? refusal(405, 'NotSupported')
        : { status: 204, body: '' };
    });
    const writer = await connector.writer(mailbox, { signal });
    await writer.removeUnfinished('m');
    const graph = transport.seen.filter((r) => r.url.startsWith(testCloud.graphRoot));
    expect(graph.map((r) => r.method)).toEqual(['GET', 'POST', 'DELETE']);
  });

  test('P6: never touches a finished or a foreign message', async () => {
    for (const answer of [marked('s1/k'), { body: { id: 'm' } }]) {
      const { connector, transport } = connect(() => answer);
      const writer = await connector.writer(mailbox, { signal });
      await expect(writer.removeUnfinished('m')).rejects.toBeInstanceOf(HoldfastError);
      expect(transport.seen.filter((r) => r.url.startsWith(testCloud.graphRoot))).toHaveLength(1);
    }
  });
});
