import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { type Cloud, requireBearerHost, requireUploadHost } from '../clouds.ts';
import { objectOf } from '../message/graphMessage.ts';
import type { ExchangeClock, ExchangeLogger, ExchangeRandom, ReaderStatistics } from '../ports.ts';
import type { BufferPool } from './bufferPool.ts';
import { classifyAnswer, type Refusal } from './classifyAnswer.ts';
import { classifyFailure } from './classifyFailure.ts';
import type { TokenSource } from './credentials.ts';
import type { HttpAnswer } from './httpAnswer.ts';
import { type HttpTransport, headerOf } from './httpTransport.ts';
import { parseJsonText } from './jsonText.ts';
import type { MailboxGate } from './mailboxGate.ts';
import type { OutageBreaker } from './outageBreaker.ts';
import { retryAfterMs } from './retryAfter.ts';
import { decideRepeat, type RetrySettings, type Tries } from './retryPolicy.ts';

export interface LineRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Absolute, or a path below `{graph}/v1.0`. */
  url: string;
  /** What is being done, for messages: `reading a message`. */
  what: string;
  headers?: Record<string, string>;
  /** More preferences besides immutable ids. */
  prefer?: string;
  body?: string | Uint8Array;
  /** False when a second request would do it twice: then an unknown outcome is handed to the caller. */
  repeatable?: boolean;
  /** The upload address of a session: other hosts, never a token. */
  upload?: boolean;
  /** Requests that the service counts for it; parts of a batch. */
  parts?: number;
  slots?: number;
  /** The answer is taken as it is on the line: bytes that are to be kept byte for byte. */
  raw?: boolean;
  /** For `parsed`: an answer of more bytes is not read. @throws AnswerTooLarge */
  mostBytes?: number;
}

/** What all lines of an organization share. */
export interface LineShared {
  cloud: Cloud;
  transport: HttpTransport;
  tokens: TokenSource;
  breaker: OutageBreaker;
  clock: ExchangeClock;
  random: ExchangeRandom;
  retry: RetrySettings;
  userAgent: string;
  /** Ask for gzip; off on a loopback, where it costs more than it saves. */
  compress: boolean;
  logger?: ExchangeLogger | undefined;
}

export interface LineDeps extends LineShared {
  gate: MailboxGate;
  statistics: ReaderStatistics;
  signal: AbortSignal;
}

/** Thrown inside one attempt; never leaves this file. */
export class AttemptFailed extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.error.message);
    this.refusal = refusal;
  }
}

/** Errors kept with an answer are read up to here; a proxy's page may be long. */
const errorBodyLimit = 64 * 1024;

const sizeOf = (body: string | Uint8Array | undefined): number =>
  body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;

async function startOfBody(answer: HttpAnswer): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body) {
    pieces.push(piece);
    size += piece.byteLength;
    if (size >= errorBodyLimit) break;
  }
  return Buffer.concat(pieces);
}

/** The `Prefer` header: immutable ids always. */
export const preferenceOf = (more: string | undefined): string =>
  more === undefined ? 'IdType="ImmutableId"' : `IdType="ImmutableId", ${more}`;

const decoded = (bytes: Uint8Array, answer: HttpAnswer): Uint8Array =>
  headerOf(answer, 'content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes;

/** A body that ended before its announced length. */
export class CutShort extends Error {
  readonly code = 'HOLDFAST_CUT_SHORT';

  constructor(expected: number, actual: number) {
    super(`the body has ${actual} of ${expected} bytes`);
  }
}

/** An answer of more bytes than its reader takes. */
export class AnswerTooLarge extends HoldfastError {
  constructor(what: string, mostBytes: number) {
    super('answer-too-large', 'ours', `An answer had more than ${mostBytes} bytes while ${what}.`);
  }
}

/** A body of any length up to a limit; undefined beyond it. */
async function upTo(mostBytes: number, answer: HttpAnswer): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body) {
    size += piece.byteLength;
    // Leaving the loop ends the request.
    if (size > mostBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The announced length of an uncompressed body; undefined when there is none. */
export function announcedLength(answer: HttpAnswer): number | undefined {
  const text = headerOf(answer, 'content-length');
  return text !== undefined && headerOf(answer, 'content-encoding') === undefined ? Number(text) : undefined;
}

/**
 * The one way to Microsoft Graph for a mailbox (or the directory): limits, token, breaker, repeats, statistics.
 * What it throws is classified; what can be cured by waiting was cured before.
 */
export class GraphLine {
  readonly deps: LineDeps;
  private readonly root: string;

  constructor(deps: LineDeps) {
    this.deps = deps;
    this.root = `${deps.cloud.graphRoot}/v1.0`;
  }

  /** The answer as a JSON object; an empty one for an empty body. */
  json(request: LineRequest): Promise<JsonObject> {
    return this.perform(request, async (answer) => {
      const text = await this.textOf(answer);
      return text === '' ? {} : objectOf(parseJsonText(text));
    });
  }

  /**
   * What `parse` makes of the bytes of the answer, which lie in `memory` where their number is known; what it throws
   * counts as a broken answer.
   */
  parsed<T>(request: LineRequest, memory: BufferPool, parse: (bytes: Uint8Array) => T): Promise<T> {
    return this.perform(request, async (answer) => {
      const bytes =
        request.mostBytes === undefined
          ? await this.bytesOf(answer, memory)
          : await this.boundedBytesOf(answer, memory, request.what, request.mostBytes);
      return parse(bytes);
    });
  }

  /**
   * A link of this cloud as a path below the version, which is how a batch names it; undefined for any other link,
   * whose own request says what is wrong with it.
   */
  pathOf(link: string): string | undefined {
    const url = URL.parse(link);
    const root = new URL(this.root);
    if (url === null || url.origin !== root.origin) return undefined;
    const path = url.pathname + url.search;
    return path.startsWith(`${root.pathname}/`) ? path.slice(root.pathname.length) : undefined;
  }

  text(request: LineRequest): Promise<string> {
    return this.perform(request, (answer) => this.textOf(answer));
  }

  /** Hands the answer to `consume` while the request holds its slot; a body that breaks off is a repeat. */
  async perform<T>(request: LineRequest, consume: (answer: HttpAnswer) => Promise<T>): Promise<T> {
    const tries: Tries = { repeats: 0, pauses: 0, renewed: false };
    const url = this.urlOf(request);
    for (;;) {
      const refusal = await this.tryOnce(request, url, consume, tries);
      if ('value' in refusal) return refusal.value;
      const decision = decideRepeat(
        refusal,
        tries,
        request.repeatable ?? request.method !== 'POST',
        this.deps,
      );
      if (decision.kind === 'fail') throw decision.error;
      this.deps.statistics.repeats++;
      this.deps.logger?.debug(
        { ...refusal.error.details, ...decision, refused: undefined },
        'repeating a request',
      );
      if (decision.kind === 'renew') await this.deps.tokens.renew(decision.refused);
      else if (decision.kind === 'pause') await this.deps.gate.pause(decision.waitMs);
      else await this.deps.clock.sleep(decision.waitMs, this.deps.signal);
      this.deps.gate.check();
    }
  }

  private async tryOnce<T>(
    request: LineRequest,
    url: URL,
    consume: (answer: HttpAnswer) => Promise<T>,
    tries: Tries,
  ): Promise<{ value: T } | Refusal> {
    const { gate, breaker, signal, statistics } = this.deps;
    const uploadBytes = sizeOf(request.body);
    const parts = request.parts ?? 1;
    const leave = await gate.enter({ parts, slots: request.slots ?? 1, uploadBytes });
    statistics.requests += parts;
    statistics.bytesSent += uploadBytes;
    try {
      const value = await breaker.run(url.host, () => this.attempt(request, url, consume, tries), signal);
      return { value };
    } catch (error) {
      if (error instanceof AttemptFailed) return error.refusal;
      // A stop shows as some error of the connection: the reason is what counts.
      gate.check();
      throw error;
    } finally {
      leave();
    }
  }

  private async attempt<T>(
    request: LineRequest,
    url: URL,
    consume: (answer: HttpAnswer) => Promise<T>,
    tries: Tries,
  ): Promise<T> {
    const clientRequestId = randomUUID();
    const headers = await this.headersOf(request, clientRequestId, tries);
    const about = { host: url.host, what: request.what, clientRequestId };
    const { transport, signal } = this.deps;
    let answer: HttpAnswer | undefined;
    try {
      answer = await transport.request({
        method: request.method ?? 'GET',
        url,
        headers,
        signal,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      if (answer.status < 400) return await consume(answer);
    } catch (error) {
      throw this.failed(error, about);
    }
    throw new AttemptFailed(await this.refusalOf(answer, about));
  }

  private failed(error: unknown, about: { host: string; what: string; clientRequestId: string }): unknown {
    if (this.deps.signal.aborted || error instanceof HoldfastError) return error;
    return new AttemptFailed(classifyFailure(error, about));
  }

  private async refusalOf(
    answer: HttpAnswer,
    about: { host: string; what: string; clientRequestId: string },
  ): Promise<Refusal> {
    let body: Uint8Array;
    try {
      body = decoded(await startOfBody(answer), answer);
    } catch (error) {
      // The status is known; a body that breaks off says no more than an empty one.
      this.deps.logger?.debug({ error: String(error) }, 'the body of an error could not be read');
      body = new Uint8Array();
    }
    this.deps.statistics.bytesRead += body.byteLength;
    return classifyAnswer({
      status: answer.status,
      body: Buffer.from(body).toString('utf8'),
      requestId: headerOf(answer, 'request-id'),
      clientRequestId: about.clientRequestId,
      virus: headerOf(answer, 'x-virus-infected')?.toLowerCase() === 'true',
      retryAfterMs: retryAfterMs(headerOf(answer, 'retry-after'), this.deps.clock.now()),
      what: about.what,
    });
  }

  private async headersOf(
    request: LineRequest,
    clientRequestId: string,
    tries: Tries,
  ): Promise<Record<string, string>> {
    const headers: Record<string, string> = { 'user-agent': this.deps.userAgent };
    if (request.upload !== true) {
      tries.token = await this.deps.tokens.token();
      headers.authorization = `Bearer ${tries.token}`;
      headers['client-request-id'] = clientRequestId;
      headers.prefer = preferenceOf(request.prefer);
      if (this.deps.compress && request.raw !== true) headers['accept-encoding'] = 'gzip';
      if (typeof request.body === 'string') headers['content-type'] = 'application/json';
    }
    return Object.assign(headers, request.headers);
  }

  private urlOf(request: LineRequest): URL {
    const url = new URL(request.url.startsWith('/') ? this.root + request.url : request.url);
    if (request.upload === true) requireUploadHost(this.deps.cloud, url);
    else requireBearerHost(this.deps.cloud, url);
    return url;
  }

  private async textOf(answer: HttpAnswer): Promise<string> {
    const plain = await this.bytesOf(answer);
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8');
  }

  private async boundedBytesOf(
    answer: HttpAnswer,
    memory: BufferPool,
    what: string,
    mostBytes: number,
  ): Promise<Uint8Array> {
    const announced = announcedLength(answer);
    if (announced !== undefined && announced <= mostBytes) return this.bytesOf(answer, memory);
    const bytes = await upTo(announced === undefined ? mostBytes : 0, answer);
    if (bytes === undefined) throw new AnswerTooLarge(what, mostBytes);
    this.deps.statistics.bytesRead += bytes.byteLength;
    return decoded(bytes, answer);
  }

  private async bytesOf(answer: HttpAnswer, memory?: BufferPool): Promise<Uint8Array> {
    const announced = announcedLength(answer);
    const given = announced === undefined ? undefined : memory?.take(announced);
    const bytes = given ?? (await answer.body.bytes());
    const size = given === undefined ? bytes.byteLength : await answer.body.into(given);
    this.deps.statistics.bytesRead += size;
    if (announced !== undefined && announced !== size) throw new CutShort(announced, size);
    return decoded(bytes, answer);
  }
}
