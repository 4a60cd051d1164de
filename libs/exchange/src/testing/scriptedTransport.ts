import type { Cloud } from '../clouds.ts';
import type { TokenSource } from '../graph/credentials.ts';
import type { HttpAnswer } from '../graph/httpAnswer.ts';
import type { HttpRequest, HttpTransport } from '../graph/httpTransport.ts';
import { AttemptFailed, GraphLine } from '../graph/line.ts';
import { defaultLimits, MailboxGate, type MailboxLimits, newMeters } from '../graph/mailboxGate.ts';
import { defaultBreaker, OutageBreaker } from '../graph/outageBreaker.ts';
import { defaultRetry, type RetrySettings } from '../graph/retryPolicy.ts';
import { newStatistics } from '../graph/statistics.ts';
import type { BudgetGrant, ExchangeClock } from '../ports.ts';

/** What a scripted service answers. */
export interface Scripted {
  status?: number;
  headers?: Record<string, string>;
  /** Objects go as JSON, arrays of bytes piece by piece. */
  body?: string | object | Uint8Array | Uint8Array[];
  /** The connection breaks off after the body. */
  breaksOff?: boolean;
}

export interface SeenRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  bytes: number;
}

const piecesOf = (body: Scripted['body']): Uint8Array[] => {
  if (body === undefined) return [];
  if (typeof body === 'string') return [Buffer.from(body)];
  if (body instanceof Uint8Array) return [body];
  if (Array.isArray(body)) return body as Uint8Array[];
  return [Buffer.from(JSON.stringify(body))];
};

export const broken = (code: string): Error => Object.assign(new Error(code), { code });

function answerOf({ status, headers, body, breaksOff }: Scripted): HttpAnswer {
  const pieces = piecesOf(body);
  async function* read(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield await Promise.resolve(piece);
    if (breaksOff === true) throw broken('UND_ERR_SOCKET');
  }
  return {
    status: status ?? 200,
    headers: headers ?? {},
    body: {
      async bytes() {
        const read_: Uint8Array[] = [];
        for await (const piece of read()) read_.push(piece);
        return Buffer.concat(read_);
      },
      async into(memory) {
        let size = 0;
        for await (const piece of read()) {
          memory.set(piece.subarray(0, Math.max(0, memory.byteLength - size)), size);
          size += piece.byteLength;
        }
        return size;
      },
      dump: () => Promise.resolve(),
      [Symbol.asyncIterator]: () => read(),
    },
  };
}

/** A transport that answers from a function and remembers what it was asked. */
export function scriptedTransport(
  answer: (request: SeenRequest, number: number) => Scripted | Error | Promise<Scripted | Error>,
): HttpTransport & { seen: SeenRequest[] } {
  const seen: SeenRequest[] = [];
  return {
    seen,
    async request({ method, url, headers, body }: HttpRequest) {
      const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(body as string);
      const request = {
        method,
        url: url.href,
        headers,
        body: bytes.length < 100_000 ? bytes.toString('utf8') : '',
        bytes: bytes.length,
      };
      seen.push(request);
      const scripted = await answer(request, seen.length - 1);
      if (scripted instanceof Error) throw scripted;
      return answerOf(scripted);
    },
    close: () => Promise.resolve(),
  };
}

/** Answers in their order; the last one for ever. */
export const inOrder =
  (...answers: (Scripted | Error)[]) =>
  (_: SeenRequest, number: number): Scripted | Error =>
    answers[Math.min(number, answers.length - 1)] ?? {};

/** A clock on which sleeping takes no time and moves on; what was slept is noted. */
export function hastyClock(
  start = Date.UTC(2026, 0, 5),
): ExchangeClock & { slept: number[]; advance(ms: number): void } {
  let now = start;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    advance(ms) {
      now += ms;
    },
    async sleep(ms) {
      slept.push(Math.round(ms));
      now += ms;
      await Promise.resolve();
    },
  };
}

export const testCloud: Cloud = {
  name: 'test',
  authority: 'https://login.test',
  graphRoot: 'https://graph.test',
  scope: 'https://graph.test/.default',
  bearerHosts: ['graph.test'],
  uploadHosts: ['outlook.test'],
};

export const testGrant = (concurrency = 4): BudgetGrant & { fences: number[]; lose(): void } => {
  const lost = new AbortController();
  const fences: number[] = [];
  return {
    concurrency,
    lost: lost.signal,
    fences,
    get fencedUntil() {
      return fences.at(-1) ?? 0;
    },
    fenceUntil(timeMs) {
      fences.push(timeMs);
      return Promise.resolve();
    },
    release: () => Promise.resolve(),
    lose: () => lost.abort(),
  };
};

/** A line over a scripted service, on a hasty clock; nothing leaves the process. */
export function testLine(
  answer: Parameters<typeof scriptedTransport>[0],
  options: {
    concurrency?: number;
    limits?: MailboxLimits;
    retry?: Partial<RetrySettings>;
    tokens?: TokenSource;
    compress?: boolean;
    cloud?: Cloud;
    signal?: AbortSignal;
  } = {},
) {
  const transport = scriptedTransport(answer);
  const clock = hastyClock();
  const grant = testGrant(options.concurrency);
  const statistics = newStatistics();
  const random = { next: () => 0.5 };
  const signal = AbortSignal.any([grant.lost, options.signal ?? new AbortController().signal]);
  const gate = new MailboxGate({
    grant,
    meters: newMeters(options.limits ?? defaultLimits),
    clock,
    random,
    statistics,
    signal,
  });
  const tokens = options.tokens ?? {
    token: () => Promise.resolve('token-1'),
    renew: () => Promise.resolve('token-2'),
  };
  const breaker = new OutageBreaker({
    settings: { ...defaultBreaker, volumeThreshold: 1_000_000 },
    clock,
    isOutage: (error) => error instanceof AttemptFailed && error.refusal.outage,
  });
  const line = new GraphLine({
    cloud: options.cloud ?? testCloud,
    transport,
    tokens,
    breaker,
    clock,
    random,
    retry: { ...defaultRetry, ...options.retry },
    userAgent: 'ISV|Holdfast|Holdfast/0.0.0',
    compress: options.compress ?? false,
    gate,
    statistics,
    signal,
  });
  return { line, seen: transport.seen, clock, grant, statistics, close: () => breaker.close() };
}

/** An error answer as Graph words it. */
export const refusal = (status: number, code: string, headers: Record<string, string> = {}): Scripted => ({
  status,
  headers: { 'request-id': 'rid-1', ...headers },
  body: { error: { code, message: `${code} happened` } },
});
