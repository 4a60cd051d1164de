import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf } from '../message/graphMessage.ts';
import { type PartAnswer, partAnswersOf } from './batchAnswer.ts';
import { type BufferPool, noPool } from './bufferPool.ts';
import { classifyAnswer, type Refusal } from './classifyAnswer.ts';
import type { Reaction } from './errorTable.ts';
import { parseJsonText } from './jsonText.ts';
import { type GraphLine, type LineRequest, preferenceOf } from './line.ts';
import type { MailboxGate } from './mailboxGate.ts';
import { retryAfterMs } from './retryAfter.ts';

export interface BatchPart {
  id: string;
  /** Path below the version. */
  url: string;
  /** More preferences besides immutable ids. */
  prefer?: string;
}

/** `isFinal` is false where repeats were used up: asked alone it may have more luck. */
export type PartResult<T> = { ok: true; body: T } | { ok: false; error: HoldfastError; isFinal: boolean };
export type BatchResult = PartResult<JsonObject>;

export interface PartsRequest<T> {
  /** What is being done, for messages. */
  what: string;
  /** The parts are of one mailbox and share its slots. */
  perMailbox: boolean;
  /** Where the answers lie while they are read. */
  memory: BufferPool;
  /** See `LineRequest`. */
  mostBytes?: number;
  /** Makes of the body of a part what is kept of it: its bytes are used for others afterwards. */
  read: (body: Uint8Array) => T;
  /** Told once of each part, as soon as it is settled. */
  settle: (id: string, result: PartResult<T>) => void;
}

/** Microsoft takes at most this many parts. */
const mostParts = 20;
/** Parts that Graph hands to Exchange at a time. */
const partsAtATime = 4;
const mostRounds = 10;

/** Parts of one mailbox that go into a batch: Graph may run as many at a time, so with few slots no more than those. */
export const partsOfMailbox = (gate: MailboxGate): number =>
  gate.concurrency < partsAtATime ? gate.concurrency : mostParts;

function headerIn(headers: JsonObject, name: string): string | undefined {
  const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return found === undefined ? undefined : String(headers[found]);
}

/** What is to be done about a part that is no success. */
function refusalOf({ status, headers, body }: PartAnswer, what: string, nowMs: number): Refusal {
  return classifyAnswer({
    status: Number.isNaN(status) ? 500 : status,
    body: Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'),
    requestId: headerIn(headers, 'request-id'),
    clientRequestId: 'batch',
    virus: false,
    retryAfterMs: retryAfterMs(headerIn(headers, 'retry-after'), nowMs),
    what,
  });
}

/** What is left of the parts after a round, and what is to be done before the next one. */
interface Left {
  parts: BatchPart[];
  pauseMs: number;
  renew: boolean;
  errors: Map<string, HoldfastError>;
}

type Answered<T> = { ok: true; body: T } | { ok: false; refusal: Refusal };

/**
 * Many small GETs in one request. The parts count against the limits one by one, and Graph runs four at a time,
 * so a batch takes all the slots of the mailbox, and has no more parts than slots where those are fewer. Parts
 * that were throttled or failed for the moment are asked for again.
 */
export async function askParts<T>(
  line: GraphLine,
  parts: readonly BatchPart[],
  request: PartsRequest<T>,
): Promise<void> {
  const { gate, clock, random, signal, statistics, tokens } = line.deps;
  const size = request.perMailbox ? partsOfMailbox(gate) : mostParts;
  let left: Left = { parts: [...parts], pauseMs: 0, renew: false, errors: new Map() };
  for (let round = 0; left.parts.length > 0 && round < mostRounds; round++) {
    const asked = left.parts;
    left = { parts: [], pauseMs: 0, renew: false, errors: left.errors };
    for (let at = 0; at < asked.length; at += size) {
      const some = asked.slice(at, at + size);
      sortOut(some, await post(line, some, request), request, round, left);
    }
    statistics.repeats += left.parts.length;
    if (left.renew) await tokens.renew(await tokens.token());
    if (left.pauseMs > 0) await gate.pause(left.pauseMs);
    else if (left.parts.length > 0 && !left.renew) {
      await clock.sleep(500 * (1 + random.next()) * 2 ** Math.min(round, 4), signal);
    }
    gate.check();
  }
  for (const { id } of left.parts) {
    const error = left.errors.get(id) ?? unanswered(request.what);
    request.settle(id, { ok: false, error, isFinal: false });
  }
}

/** Settles what is answered; the rest goes to what is left. */
function sortOut<T>(
  asked: readonly BatchPart[],
  answers: ReadonlyMap<string, Answered<T>>,
  { settle }: PartsRequest<T>,
  round: number,
  left: Left,
): void {
  for (const part of asked) {
    const answer = answers.get(part.id);
    if (answer?.ok === true) settle(part.id, answer);
    else if (answer !== undefined && !isWorthAgain(answer.refusal.reaction, round)) {
      settle(part.id, { ok: false, error: answer.refusal.error, isFinal: true });
    } else {
      // A part without an answer is asked for again too.
      left.parts.push(part);
      if (answer === undefined) continue;
      const { reaction, error, retryAfterMs: asksFor } = answer.refusal;
      left.errors.set(part.id, error);
      if (reaction === 'new-token') left.renew = true;
      if (reaction === 'pause') {
        left.pauseMs = Math.max(left.pauseMs, asksFor ?? 1_000 * 2 ** Math.min(round, 5));
      }
    }
  }
}

const unanswered = (what: string): HoldfastError =>
  new HoldfastError(
    'batch-unanswered',
    'transient',
    `Microsoft Graph left out a part of its answer while ${what}.`,
    {
      remedy: 'Nothing to do: it is tried again by itself.',
    },
  );

function isWorthAgain(reaction: Reaction, round: number): boolean {
  if (reaction === 'new-token') return round === 0;
  if (reaction === 'repeat-few') return round < 2;
  return reaction === 'pause' || reaction === 'repeat';
}

async function post<T>(
  line: GraphLine,
  parts: readonly BatchPart[],
  { what, perMailbox, memory, mostBytes, read }: PartsRequest<T>,
): Promise<Map<string, Answered<T>>> {
  const { gate, clock } = line.deps;
  const body = JSON.stringify({
    requests: parts.map(({ id, url, prefer }) => ({
      id,
      method: 'GET',
      url,
      headers: { Prefer: preferenceOf(prefer) },
    })),
  });
  const slots = perMailbox ? Math.min(gate.concurrency, partsAtATime) : 1;
  const answered = (part: PartAnswer): Answered<T> =>
    part.status < 400
      ? { ok: true, body: read(part.body) }
      : { ok: false, refusal: refusalOf(part, what, clock.now()) };
  const request: LineRequest = {
    ...{ method: 'POST', url: '/$batch', what, body, parts: parts.length, slots, repeatable: true },
    ...(mostBytes === undefined ? {} : { mostBytes }),
  };
  return line.parsed(request, memory, (bytes) => {
    try {
      return new Map(partAnswersOf(bytes).map((part) => [part.id, answered(part)]));
    } finally {
      memory.give(bytes);
    }
  });
}

/** As `askParts`, with bodies as JSON objects. */
export async function batchGet(
  line: GraphLine,
  parts: readonly BatchPart[],
  what: string,
  perMailbox = true,
): Promise<Map<string, BatchResult>> {
  const results = new Map<string, BatchResult>();
  await askParts(line, parts, {
    what,
    perMailbox,
    memory: noPool,
    read: jsonOf,
    settle: (id, result) => results.set(id, result),
  });
  return results;
}

/** The body of a part as a JSON object; an empty one for an empty body. */
export function jsonOf(body: Uint8Array): JsonObject {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  return text === '' ? {} : objectOf(parseJsonText(text));
}
