import { type EventRecord, type HoldfastEvent, makeEvent } from '@holdfast/contracts';
import { waitFor } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../testing/startTestApi.ts';

let api: TestApi;
const open = new Set<AbortController>();
beforeEach(async () => {
  api = await startTestApi({
    streamLimits: { streams: 3, heartbeatMs: 30, progressMs: 10, unreadBytes: 64 * 1024 },
  });
});
afterEach(async () => {
  for (const controller of open) controller.abort();
  open.clear();
  await api.stop();
});

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

const requested = (n: number, second = n, more: object = {}): HoldfastEvent =>
  makeEvent('run.requested', {
    source: 'test',
    subject: `run-${n}`,
    key: `run-${n}`,
    time: at(second),
    data: {
      runId: `run-${n}`,
      jobId: n % 2 === 0 ? 'job-even' : 'job-odd',
      organizationId: 'org-1',
      trigger: 'manual',
      requestedBy: 'test',
      ...more,
    },
  });

const logged = (...events: HoldfastEvent[]) =>
  api.insert(
    'events',
    ...events.map(
      (event): EventRecord => ({
        id: event.id,
        time: event.time,
        name: event.name,
        subject: event.subject,
        pending: false,
        event: { ...event, data: { ...event.data } },
      }),
    ),
  );

interface Stream {
  status: number;
  text(): string;
  /** Subjects of the events that came so far. */
  subjects(): string[];
  ended: Promise<void>;
  close(): void;
}

async function follow(query = '', headers: Record<string, string> = {}): Promise<Stream> {
  const controller = new AbortController();
  open.add(controller);
  const answer = await fetch(`${api.url}/api/v1/events/stream${query}`, {
    headers: { authorization: `Bearer ${api.token}`, ...headers },
    signal: controller.signal,
  });
  let text = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) text += decoder.decode(chunk, { stream: true });
  };
  return {
    status: answer.status,
    text: () => text,
    subjects: () => [...text.matchAll(/"subject":"([^"]+)"/g)].map(([, subject]) => subject ?? ''),
    ended: read().catch(() => undefined),
    close: () => controller.abort(),
  };
}

describe('the event log', () => {
  test('is read newest first or oldest first, in pages that lose nothing, also among equal times', async () => {
    await logged(...Array.from({ length: 7 }, (_, n) => requested(n, Math.floor(n / 3))));
    for (const order of ['asc', 'desc']) {
      const subjects: string[] = [];
      let after = '';
      for (let pages = 0; pages < 10; pages += 1) {
        const page = await api.call('GET', `/events?order=${order}&limit=2${after}`);
        subjects.push(...page.body.items.map((event: HoldfastEvent) => event.subject));
        if (page.body.next === undefined) break;
        after = `&after=${page.body.next}`;
      }
      expect([...subjects].sort()).toEqual(['run-0', 'run-1', 'run-2', 'run-3', 'run-4', 'run-5', 'run-6']);
      const times = subjects.map((subject) => Math.floor(Number(subject.slice(4)) / 3));
      expect(times).toEqual([...times].sort((a, b) => (order === 'asc' ? a - b : b - a)));
    }
  });

  test('is filtered by name, beginnings of names, places and time', async () => {
    await logged(requested(1), requested(2), requested(3));
    const subjects = async (query: string) =>
      (await api.call('GET', `/events?order=asc&${query}`)).body.items.map(
        (event: HoldfastEvent) => event.subject,
      );
    expect(await subjects('jobId=job-odd')).toEqual(['run-1', 'run-3']);
    expect(await subjects('name=run.')).toEqual(['run-1', 'run-2', 'run-3']);
    expect(await subjects('name=restore.,job.changed')).toEqual([]);
    expect(await subjects(`since=${at(2)}`)).toEqual(['run-2', 'run-3']);
    expect(await subjects('runId=run-2&jobId=job-odd')).toEqual([]);
    expect((await api.call('GET', '/events?name=Run%20x')).status).toBe(422);
  });

  test('a filter that matches little in a long log gives back pages and an end', async () => {
    const many = Array.from({ length: 1500 }, (_, n) => requested(n));
    await logged(...many);
    const page = await api.call('GET', '/events?runId=run-1499&order=asc');
    expect(page.body.items).toHaveLength(1);
    expect(page.body.next).toBeUndefined();
  });
});

describe('the event stream', () => {
  test('brings what happens, filtered, with its id, and heartbeats in between', async () => {
    const stream = await follow('?jobId=job-even');
    expect(stream.status).toBe(200);
    await api.messaging.publishEvent(requested(1));
    await api.messaging.publishEvent(requested(2));
    await waitFor(() => stream.subjects().length > 0, { what: 'an event' });
    await waitFor(() => stream.text().includes(': here'), { what: 'a heartbeat' });
    expect(stream.subjects()).toEqual(['run-2']);
    expect(stream.text()).toContain(`id: ${requested(2).id}\nevent: run.requested\ndata: {`);
  });

  test('with Last-Event-ID brings first what was missed, from the log, and nothing twice', async () => {
    await logged(requested(1), requested(2), requested(3), requested(4));
    const stream = await follow('', { 'last-event-id': requested(2).id });
    // Still unpublished when the log was read, so it comes both ways.
    await api.messaging.publishEvent(requested(4));
    await api.messaging.publishEvent(requested(5));
    await waitFor(() => stream.subjects().includes('run-5'), { what: 'the live event' });
    expect(stream.subjects()).toEqual(['run-3', 'run-4', 'run-5']);
  });

  test('with an id that the log does not know begins with now', async () => {
    await logged(requested(1));
    const stream = await follow('', { 'last-event-id': 'evt-long-gone' });
    await api.messaging.publishEvent(requested(9));
    await waitFor(() => stream.subjects().length > 0, { what: 'the live event' });
    expect(stream.subjects()).toEqual(['run-9']);
  });

  test('brings live counters, of one run when asked', async () => {
    const bucket = await api.messaging.keyValue('progress', { ttlMs: 60_000, parse: (json) => json });
    const entry = { kind: 'sync', label: 'x', total: 9, bytes: 10, phase: 'items', at: at(0) };
    const stream = await follow('?runId=run-1');
    await bucket.put('t2', { ...entry, id: 't2', owner: 'run-2', done: 1 });
    await bucket.put('t1', { ...entry, id: 't1', owner: 'run-1', done: 3 });
    await waitFor(() => stream.text().includes('"done":3'), { what: 'progress' });
    expect(stream.text()).toContain('event: progress\n');
    expect(stream.text()).not.toContain('run-2');
  });

  test('a receiver that does not read is cut off instead of filling the memory', async () => {
    const controller = new AbortController();
    open.add(controller);
    const answer = await fetch(`${api.url}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${api.token}` },
      signal: controller.signal,
    });
    const big = 'x'.repeat(8_000);
    let n = 0;
    const cut = async () => {
      // Nobody reads the body: buffers of both sides fill up, then ours is measured.
      for (let batch = 0; batch < 50; batch += 1, n += 1) {
        await api.messaging.publishEvent(requested(n, 0, { requestedBy: big }));
      }
      const metrics = await follow('?name=none.such');
      metrics.close();
      return n >= 2_000;
    };
    await waitFor(cut, { what: 'enough events', timeoutMs: 45_000 });
    let received = 0;
    const drained = (async () => {
      for await (const chunk of answer.body ?? []) received += chunk.length;
      return 'ended';
    })().catch(() => 'cut');
    expect(await drained).toBe('cut');
    expect(received).toBeLessThan(n * big.length);
  });

  test('one too many is refused with what to do instead', async () => {
    await follow();
    await follow();
    const last = await follow();
    const answer = await api.call('GET', '/events/stream');
    expect(answer.body).toMatchObject({ status: 503, code: 'too-many-streams' });
    last.close();
    await waitFor(async () => (await follow()).status === 200, { what: 'a free place' });
  });

  test('ends when the API stops, and does not keep it from stopping', async () => {
    const stream = await follow();
    await api.stop();
    await stream.ended;
    await expect(fetch(api.url)).rejects.toThrow();
    api = await startTestApi();
  });
});
