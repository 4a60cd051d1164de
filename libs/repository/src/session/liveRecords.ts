import { z } from 'zod';
import { Damaged, hasCode } from '../errors.ts';
import { canonicalJson } from '../format/canonicalJson.ts';
import {
  CONDEMNED_PREFIX,
  FENCE_PREFIX,
  POINTS_PREFIX,
  parsePointName,
  SESSIONS_PREFIX,
} from '../format/names.ts';
import type { BlobStore } from '../ports.ts';

/**
 * The records that writers and collectors keep for each other, all under `live/`, all put if absent, so that
 * append-only credentials suffice:
 *
 *   live/sessions/<session>/open             who writes, since when
 *   live/sessions/<session>/beat.<n>.<ack>   n-th sign of life; ack = newest generation taken into account, or `none`
 *   live/sessions/<session>/closed           ended in order
 *   live/gc/condemned/<generation>           packs that nothing new may rest on
 *   live/gc/fence/<session>.intent           a collector gave up waiting
 *   live/gc/fence/<session>.final            the points of that session that count
 */
const openSchema = z.object({
  version: z.literal(1),
  sessionId: z.string(),
  writer: z.string(),
  startedAt: z.string(),
  leaseMs: z.int(),
});
const condemnedSchema = z.object({ version: z.literal(1), packs: z.array(z.string()) });
const fenceSchema = z.object({ version: z.literal(1), admitted: z.array(z.string()) });

export interface SessionFacts {
  sessionId: string;
  writer: string;
  startedAt: string;
  leaseMs: number;
}

/** Newest generation a session has taken into account; -1 before it has read any list. */
export type AcknowledgedGeneration = number;

export async function putOpenRecord(store: BlobStore, facts: SessionFacts): Promise<void> {
  await store.putIfAbsent(`${SESSIONS_PREFIX}${facts.sessionId}/open`, json({ version: 1, ...facts }));
}

export async function putBeat(
  store: BlobStore,
  sessionId: string,
  beat: number,
  ack: AcknowledgedGeneration,
  at: string,
): Promise<void> {
  const number = String(beat).padStart(8, '0');
  const name = `${SESSIONS_PREFIX}${sessionId}/beat.${number}.${ack < 0 ? 'none' : ack}`;
  await putOnce(store, name, json({ version: 1, at }));
}

export async function putClosedRecord(store: BlobStore, sessionId: string): Promise<void> {
  await putOnce(store, `${SESSIONS_PREFIX}${sessionId}/closed`, json({ version: 1 }));
}

/** What LIST says of the sessions. */
export interface SessionState {
  sessionId: string;
  acknowledged: AcknowledgedGeneration;
  beats: number;
  closed: boolean;
}

export async function listSessions(store: BlobStore): Promise<SessionState[]> {
  const sessions = new Map<string, SessionState>();
  for await (const { name } of store.list(SESSIONS_PREFIX)) {
    const match = /^live\/sessions\/([0-9a-f]{32})\/(open|closed|beat\.(\d+)\.(none|\d+))$/.exec(name);
    if (!match?.[1]) continue;
    const known = sessions.get(match[1]) ?? {
      sessionId: match[1],
      acknowledged: -1,
      beats: 0,
      closed: false,
    };
    if (match[2] === 'closed') known.closed = true;
    if (match[3] !== undefined) {
      known.beats++;
      if (match[4] !== 'none') known.acknowledged = Math.max(known.acknowledged, Number(match[4]));
    }
    sessions.set(match[1], known);
  }
  return [...sessions.values()];
}

export async function readOpenRecord(store: BlobStore, sessionId: string): Promise<SessionFacts> {
  const name = `${SESSIONS_PREFIX}${sessionId}/open`;
  return parse(openSchema, await store.get(name), name);
}

/** The condemned lists after `after`, in order of their generation. */
export async function readCondemned(
  store: BlobStore,
  after: AcknowledgedGeneration,
): Promise<{ generation: number; packs: string[] }[]> {
  const lists: { generation: number; packs: string[] }[] = [];
  for await (const { name } of store.list(CONDEMNED_PREFIX)) {
    const generation = /^live\/gc\/condemned\/(\d{1,12})$/.exec(name)?.[1];
    if (generation === undefined || Number(generation) <= after) continue;
    const list = parse(condemnedSchema, await store.get(name), name);
    lists.push({ generation: Number(generation), packs: list.packs });
  }
  return lists.sort((a, b) => a.generation - b.generation);
}

export async function putCondemned(store: BlobStore, generation: number, packs: string[]): Promise<void> {
  await store.putIfAbsent(`${CONDEMNED_PREFIX}${generation}`, json({ version: 1, packs }));
}

/** Fenced sessions; `admitted` is undefined while only the intent exists. */
export async function listFences(
  store: BlobStore,
): Promise<Map<string, { admitted: ReadonlySet<string> | undefined }>> {
  const fences = new Map<string, { admitted: ReadonlySet<string> | undefined }>();
  for await (const { name } of store.list(FENCE_PREFIX)) {
    const match = /^live\/gc\/fence\/([0-9a-f]{32})\.(intent|final)$/.exec(name);
    if (!match?.[1]) continue;
    if (match[2] === 'intent') {
      if (!fences.has(match[1])) fences.set(match[1], { admitted: undefined });
      continue;
    }
    const fence = parse(fenceSchema, await store.get(name), name);
    fences.set(match[1], { admitted: new Set(fence.admitted) });
  }
  return fences;
}

export async function isFenced(store: BlobStore, sessionId: string): Promise<boolean> {
  for await (const _ of store.list(`${FENCE_PREFIX}${sessionId}.`)) return true;
  return false;
}

/**
 * Ends a session from outside: what it has committed until now counts, what it commits later does not.
 * Two callers agree on one result, because the final record is put if absent.
 */
export async function fenceSession(store: BlobStore, sessionId: string): Promise<void> {
  await putOnce(store, `${FENCE_PREFIX}${sessionId}.intent`, json({ version: 1 }));
  const session8 = sessionId.slice(0, 8);
  const admitted: string[] = [];
  for await (const { name } of store.list(POINTS_PREFIX)) {
    if (parsePointName(name)?.session8 === session8) admitted.push(name);
  }
  await putOnce(store, `${FENCE_PREFIX}${sessionId}.final`, json({ version: 1, admitted }));
}

/** For records whose first put may have succeeded though its answer was lost. */
async function putOnce(store: BlobStore, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await store.putIfAbsent(name, bytes);
  } catch (error) {
    if (!hasCode(error, 'blob-already-exists')) throw error;
  }
}

function json(value: object): Buffer {
  return Buffer.from(`${canonicalJson(value)}\n`, 'utf8');
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array, name: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new Damaged('damaged-record', `The record ${name} cannot be read.`, { cause, details: { name } });
  }
}
