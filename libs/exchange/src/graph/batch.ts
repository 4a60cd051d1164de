import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import { classifyAnswer, type Refusal } from './classifyAnswer.ts';
import type { Reaction } from './errorTable.ts';
import type { GraphLine } from './line.ts';
import { retryAfterMs } from './retryAfter.ts';

export interface BatchPart {
  id: string;
  /** Path below the version. */
  url: string;
}

export type BatchResult = { ok: true; body: JsonObject } | { ok: false; error: HoldfastError };

/** Microsoft takes at most this many parts. */
const mostParts = 20;
/** Parts that Graph hands to Exchange at a time. */
const partsAtATime = 4;
const mostRounds = 10;

function headerIn(headers: JsonObject, name: string): string | undefined {
  const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return found === undefined ? undefined : String(headers[found]);
}

function resultOf(
  response: JsonObject,
  what: string,
  nowMs: number,
): { result: BatchResult; refusal?: Refusal } {
  const status = typeof response.status === 'number' ? response.status : 500;
  const headers = objectOf(response.headers);
  if (status < 400) return { result: { ok: true, body: objectOf(response.body) } };
  const refusal = classifyAnswer({
    status,
    body: JSON.stringify(response.body ?? {}),
    requestId: headerIn(headers, 'request-id'),
    clientRequestId: 'batch',
    virus: false,
    retryAfterMs: retryAfterMs(headerIn(headers, 'retry-after'), nowMs),
    what,
  });
  return { refusal, result: { ok: false, error: refusal.error } };
}

/**
 * Many small GETs in one request. The parts count against the limits one by one, and Graph runs four at a time,
 * so a batch takes all the slots of the mailbox, and has no more parts than slots where those are fewer. Parts
 * that were throttled or failed for the moment are asked for again.
 */
export async function batchGet(
  line: GraphLine,
  parts: readonly BatchPart[],
  what: string,
  perMailbox = true,
): Promise<Map<string, BatchResult>> {
  const { gate, clock, random, signal, statistics, tokens } = line.deps;
  const slots = perMailbox ? Math.min(gate.concurrency, partsAtATime) : 1;
  const size = perMailbox && gate.concurrency < partsAtATime ? gate.concurrency : mostParts;
  const results = new Map<string, BatchResult>();
  let left = [...parts];
  for (let round = 0; left.length > 0 && round < mostRounds; round++) {
    const again: BatchPart[] = [];
    let pauseMs = 0;
    let renew = false;
    for (let at = 0; at < left.length; at += size) {
      const asked = left.slice(at, at + size);
      const answers = await post(line, asked, what, slots);
      for (const part of asked) {
        const answer = answers.get(part.id);
        const { result, refusal } = answer === undefined ? missing : resultOf(answer, what, clock.now());
        if (result !== undefined) results.set(part.id, result);
        if (result?.ok === true || (refusal !== undefined && !isWorthAgain(refusal.reaction, round)))
          continue;
        again.push(part);
        if (refusal?.reaction === 'new-token') renew = true;
        if (refusal?.reaction === 'pause') {
          pauseMs = Math.max(pauseMs, refusal.retryAfterMs ?? 1_000 * 2 ** Math.min(round, 5));
        }
      }
    }
    left = again;
    statistics.repeats += left.length;
    if (renew) await tokens.renew(await tokens.token());
    if (pauseMs > 0) await gate.pause(pauseMs);
    else if (left.length > 0 && !renew) {
      await clock.sleep(500 * (1 + random.next()) * 2 ** Math.min(round, 4), signal);
    }
    gate.check();
  }
  for (const part of left)
    if (!results.has(part.id)) results.set(part.id, { ok: false, error: unanswered(what) });
  return results;
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

/** A part without an answer is asked for again. */
const missing: { result?: BatchResult; refusal?: Refusal } = {};

function isWorthAgain(reaction: Reaction, round: number): boolean {
  if (reaction === 'new-token') return round === 0;
  if (reaction === 'repeat-few') return round < 2;
  return reaction === 'pause' || reaction === 'repeat';
}

async function post(
  line: GraphLine,
  parts: readonly BatchPart[],
  what: string,
  slots: number,
): Promise<Map<string, JsonObject>> {
  const body = JSON.stringify({
    requests: parts.map(({ id, url }) => ({
      id,
      method: 'GET',
      url,
      headers: { Prefer: 'IdType="ImmutableId"' },
    })),
  });
  const answer = await line.json({
    method: 'POST',
    url: '/$batch',
    what,
    body,
    parts: parts.length,
    slots,
    repeatable: true,
  });
  const responses = Array.isArray(answer.responses) ? answer.responses.map(objectOf) : [];
  return new Map(responses.map((response) => [textOf(response.id), response]));
}
