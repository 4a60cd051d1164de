import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { ForeignHost } from '../errors.ts';
import { broken, inOrder, refusal, testLine } from '../testing/scriptedTransport.ts';
import { isOutcomeUnknown } from './retryPolicy.ts';

const get = { url: '/users/u/messages', what: 'listing messages' };
const post = { ...get, method: 'POST', body: '{}' } as const;

describe('a request as it goes out', () => {
  test('asks for immutable ids, names itself and carries its own request id', async () => {
    const { line, seen } = testLine(() => ({ body: {} }));
    await line.json({ ...get, prefer: 'odata.maxpagesize=50' });
    await line.json(get);
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      prefer: 'IdType="ImmutableId", odata.maxpagesize=50',
      'user-agent': 'ISV|Holdfast|Holdfast/0.0.0',
    });
    expect(seen[1]?.headers.prefer).toBe('IdType="ImmutableId"');
    const ids = seen.map((request) => request.headers['client-request-id']);
    expect(new Set(ids).size).toBe(2);
    expect(seen[0]?.url).toBe('https://graph.test/v1.0/users/u/messages');
  });

  test('a link to a foreign host gets no request at all', async () => {
    const { line, seen } = testLine(() => ({ body: {} }));
    await expect(
      line.json({ ...get, url: 'https://graph.test.evil.example/v1.0/users' }),
    ).rejects.toBeInstanceOf(ForeignHost);
    expect(seen).toHaveLength(0);
  });

  test('an upload goes without a token to an upload host, and never to Graph', async () => {
    const { line, seen } = testLine(() => ({ status: 200, body: '' }));
    const upload = { method: 'PUT', what: 'uploading', upload: true, body: Buffer.from('x') } as const;
    await line.text({ ...upload, url: 'https://outlook.test/s?authtoken=secret' });
    expect(seen[0]?.headers.authorization).toBeUndefined();
    expect(seen[0]?.headers['client-request-id']).toBeUndefined();
    await expect(line.text({ ...upload, url: 'https://graph.test/s' })).rejects.toBeInstanceOf(ForeignHost);
  });

  test('no error ever quotes the upload address', async () => {
    const { line } = testLine(() => refusal(400, 'ErrorInvalidRange'));
    const url = 'https://outlook.test/s?authtoken=verysecret';
    const error: unknown = await line
      .text({ method: 'PUT', url, what: 'uploading', upload: true, body: 'x' })
      .catch((e: unknown) => e);
    expect(String(error) + JSON.stringify(error)).not.toContain('verysecret');
  });
});

describe('answers', () => {
  test('gzip is understood and counted as it came over the line', async () => {
    const body = gzipSync(JSON.stringify({ value: ['x'.repeat(10_000)] }));
    const { line, seen, statistics } = testLine(() => ({ headers: { 'content-encoding': 'gzip' }, body }), {
      compress: true,
    });
    expect(await line.json(get)).toEqual({ value: ['x'.repeat(10_000)] });
    expect(seen[0]?.headers['accept-encoding']).toBe('gzip');
    expect(statistics.bytesRead).toBe(body.length);
  });

  test('raw control characters in JSON do no harm', async () => {
    const { line } = testLine(() => ({ body: '{"subject":"a\u0007b"}' }));
    expect(await line.json(get)).toEqual({ subject: 'a\u0007b' });
  });

  test('a body that breaks off, is too short or is no JSON is asked for again', async () => {
    const { line, seen } = testLine(
      inOrder(
        { body: '{"value":', breaksOff: true },
        { headers: { 'content-length': '50' }, body: '{"value":1}' },
        { body: '{"value":' },
        { headers: { 'content-length': '11' }, body: '{"value":2}' },
      ),
    );
    expect(await line.json(get)).toEqual({ value: 2 });
    expect(seen).toHaveLength(4);
  });
});

describe('trouble', () => {
  test('an expired token is renewed once; refused again it is a matter of settings', async () => {
    const tokens = { current: 't1', renewed: 0 };
    const source = {
      token: () => Promise.resolve(tokens.current),
      renew: () => {
        tokens.renewed++;
        tokens.current = 't2';
        return Promise.resolve('t2');
      },
    };
    const answer = (request: { headers: Record<string, string> }) =>
      request.headers.authorization === 'Bearer t1'
        ? refusal(401, 'InvalidAuthenticationToken')
        : { body: { ok: 1 } };
    const { line } = testLine(answer, { tokens: source });
    expect(await line.json(get)).toEqual({ ok: 1 });
    expect(tokens.renewed).toBe(1);

    const { line: never } = testLine(() => refusal(401, 'InvalidAuthenticationToken'));
    await expect(never.json(get)).rejects.toMatchObject({
      code: 'token-refused',
      errorClass: 'configuration',
    });
  });

  test.each([
    ['2.5', 2_500],
    ['1', 1_000],
  ])('429 with Retry-After %s fences the whole mailbox, not just the request', async (header, ms) => {
    const { line, grant, clock, statistics } = testLine(
      inOrder(refusal(429, 'ApplicationThrottled', { 'retry-after': header }), { body: { ok: 1 } }),
    );
    const start = clock.now();
    expect(await line.json(get)).toEqual({ ok: 1 });
    expect(grant.fences).toEqual([start + ms]);
    expect(statistics.throttledMs).toBeGreaterThanOrEqual(ms);
    expect(statistics).toMatchObject({ requests: 2, repeats: 1 });
  });

  test('429 without Retry-After fences too, with growing pauses', async () => {
    const throttled = refusal(429, 'TooManyRequests');
    const { line, grant } = testLine(inOrder(throttled, throttled, throttled, { body: {} }));
    await line.json(get);
    expect(grant.fences).toHaveLength(3);
  });

  test('503 and a broken connection are repeated; what never works fails with cause and request id', async () => {
    const { line, seen } = testLine(inOrder({ status: 503 }, broken('ECONNRESET'), { body: { ok: 1 } }));
    expect(await line.json(get)).toEqual({ ok: 1 });
    expect(seen).toHaveLength(3);

    const { line: dead, seen: asked } = testLine(() => refusal(500, 'UnknownError'));
    await expect(dead.json(get)).rejects.toMatchObject({
      errorClass: 'transient',
      details: { status: 500, requestId: 'rid-1', doing: 'listing messages' },
    });
    expect(asked).toHaveLength(6);
  });

  test('a POST that must not be done twice is not repeated when its outcome is unknown', async () => {
    for (const trouble of [{ status: 504 }, broken('UND_ERR_SOCKET'), refusal(500, 'UnknownError')]) {
      const { line, seen } = testLine(inOrder(trouble, { body: {} }));
      const error: unknown = await line.json(post).catch((e: unknown) => e);
      expect(isOutcomeUnknown(error)).toBe(true);
      expect(seen).toHaveLength(1);
    }
  });

  test('but it is repeated when it surely was not done', async () => {
    for (const trouble of [{ status: 503 }, broken('ECONNREFUSED'), refusal(429, 'TooManyRequests')]) {
      const { line, seen } = testLine(inOrder(trouble, { body: { ok: 1 } }));
      expect(await line.json(post)).toEqual({ ok: 1 });
      expect(seen).toHaveLength(2);
    }
  });

  test('the sporadic invalidRequest is repeated, other 4xx are not', async () => {
    const { line } = testLine(inOrder(refusal(400, 'invalidRequest'), { body: { ok: 1 } }));
    expect(await line.json(get)).toEqual({ ok: 1 });
    const { line: other, seen } = testLine(() => refusal(400, 'BadRequest'));
    await expect(other.json(get)).rejects.toMatchObject({ code: 'request-refused', errorClass: 'ours' });
    expect(seen).toHaveLength(1);
  });

  test('an untrusted certificate is a setting, not a fault that passes', async () => {
    const { line, seen } = testLine(() => broken('DEPTH_ZERO_SELF_SIGNED_CERT'));
    await expect(line.json(get)).rejects.toMatchObject({
      code: 'certificate-not-trusted',
      errorClass: 'configuration',
    });
    expect(seen).toHaveLength(1);
  });

  test('a stop ends a request with its own reason', async () => {
    const stop = new AbortController();
    const { line } = testLine(
      () => {
        stop.abort(new Error('run stopped'));
        return broken('UND_ERR_ABORTED');
      },
      { signal: stop.signal },
    );
    await expect(line.json(get)).rejects.toThrow('run stopped');
  });

  test('a lease that is lost under way is told as such, whatever the connection says', async () => {
    const { line, grant } = testLine(() => {
      grant.lose();
      return broken('UND_ERR_ABORTED');
    });
    await expect(line.json(get)).rejects.toMatchObject({ code: 'budget-lost', errorClass: 'transient' });
  });

  test('the slot of a failed request is free for the next', async () => {
    const { line } = testLine(inOrder(refusal(404, 'ErrorItemNotFound'), { body: { ok: 1 } }), {
      concurrency: 1,
    });
    await expect(line.json(get)).rejects.toMatchObject({ errorClass: 'vanished' });
    expect(await line.json(get)).toEqual({ ok: 1 });
  });
});
