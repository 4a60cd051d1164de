import { z } from 'zod';
import { Damaged, EngineRefusal } from '../errors.ts';
import { canonicalJson, type JsonObject } from '../format/canonicalJson.ts';
import type { PointKind } from '../format/names.ts';
import { MANIFEST_RECORD, openRecord, sealRecord } from '../format/sealedRecord.ts';
import type { MasterKeys } from '../keys/masterKeys.ts';
import type { NonceSource } from '../keys/nonceSource.ts';

/** An item that is known to exist and was not stored. */
export interface Gap {
  itemKey: string;
  folderId: string;
  reason: string;
  code: string;
  requestId?: string | undefined;
  /** ISO times. */
  firstSeen: string;
  lastTried: string;
  tries: number;
  nextTry?: string | undefined;
}

/** What the source reported and what is stored: completeness can be judged from the point alone. */
export interface PointCounts {
  reported: number;
  stored: number;
  folders: number;
  new: number;
  changed: number;
  removed: number;
  /** Bytes of the messages. */
  bytes: number;
  [more: string]: number;
}

/** What a writer says of a restore point. */
export interface PointInput {
  /** 16 to 32 hex digits, the same whenever the same task is tried again. */
  pointId: string;
  mailboxIdentity: string;
  mailboxAddress: string;
  organizationId: string;
  kind: PointKind;
  /** ISO; assigned by the scheduler, not by the writer's clock. */
  time: string;
  startedAt: string;
  finishedAt: string;
  /** Root of the tree, as `TreeWriter.commit` answered. */
  root: string;
  parent?: string | undefined;
  /** Where the next incremental goes on; opaque. */
  cursors: JsonObject;
  counts: PointCounts;
  gaps: Gap[];
  runId: string;
  jobId: string;
  writerVersion: string;
  extra?: JsonObject | undefined;
}

/** A restore point as it is stored. */
export interface RestorePoint extends PointInput {
  format: number;
  repositoryId: string;
  generation: number;
  sessionId: string;
  /** Collector generation that the session had acknowledged, -1 for none. */
  acknowledged: number;
}

const text = z.string().max(4096);
const iso = z.iso.datetime({ offset: true });
const gapSchema = z.object({
  itemKey: text,
  folderId: text,
  reason: text,
  code: text,
  requestId: text.optional(),
  firstSeen: text,
  lastTried: text,
  tries: z.int().min(0),
  nextTry: text.optional(),
});
const jsonObject = z.record(z.string(), z.json());
const inputShape = {
  pointId: z.string().regex(/^[0-9a-f]{16,32}$/),
  mailboxIdentity: text.min(1),
  mailboxAddress: text,
  organizationId: text,
  kind: z.enum(['full', 'checkpoint']),
  time: iso,
  startedAt: iso,
  finishedAt: iso,
  root: z.string().regex(/^[0-9a-f]{64}$/),
  parent: z.string().max(64).optional(),
  cursors: jsonObject,
  counts: z
    .object({
      reported: z.number(),
      stored: z.number(),
      folders: z.number(),
      new: z.number(),
      changed: z.number(),
      removed: z.number(),
      bytes: z.number(),
    })
    .catchall(z.number()),
  gaps: z.array(gapSchema),
  runId: text,
  jobId: text,
  writerVersion: text,
  extra: jsonObject.optional(),
};
const inputSchema = z.object(inputShape);
const manifestSchema = z.object({
  ...inputShape,
  format: z.literal(1),
  repositoryId: z.string(),
  generation: z.int().min(0),
  sessionId: z.string().regex(/^[0-9a-f]{32}$/),
  acknowledged: z.int().min(-1),
});

/** Throws `EngineRefusal` (`invalid-point`) naming the first wrong field. */
export function checkPointInput(input: PointInput): PointInput {
  const checked = inputSchema.safeParse(input);
  if (checked.success) return checked.data as PointInput;
  const issue = checked.error.issues[0];
  throw new EngineRefusal(
    'invalid-point',
    `The restore point is refused: ${issue?.path.join('.')}: ${issue?.message}.`,
    '',
    {
      errorClass: 'ours',
      cause: checked.error,
    },
  );
}

/** The bytes of a manifest, bound to its name. */
export function manifestBytes(point: RestorePoint, name: string, nonces: NonceSource): Buffer {
  return sealRecord(MANIFEST_RECORD, nonces, Buffer.from(canonicalJson(point), 'utf8'), name);
}

/** Throws `Damaged` (`damaged-manifest`). */
export function parseManifest(bytes: Uint8Array, name: string, keys: MasterKeys): RestorePoint {
  const plain = openRecord(MANIFEST_RECORD, keys, bytes, name);
  try {
    return manifestSchema.parse(JSON.parse(plain.toString('utf8'))) as RestorePoint;
  } catch (cause) {
    throw new Damaged('damaged-manifest', `The restore point ${name} is not one.`, {
      cause,
      details: { name },
    });
  }
}
