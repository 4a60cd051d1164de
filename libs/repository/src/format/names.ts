import { PackKind as Kinds, type PackKind } from './objectTypes.ts';

/** Every name in the storage is made and read here. */

export const CONFIG_NAME = 'config';
export const KEYS_PREFIX = 'keys/';
export const PACKS_PREFIX = 'packs/';
export const INDEX_PREFIX = 'index/';
export const POINTS_PREFIX = 'points/';
export const SESSIONS_PREFIX = 'live/sessions/';
export const CONDEMNED_PREFIX = 'live/gc/condemned/';
export const FENCE_PREFIX = 'live/gc/fence/';
export const PROBE_PREFIX = 'live/probe/';

export type PointKind = 'full' | 'checkpoint';

export interface PackName {
  sha256: string;
  session8: string;
  kind: PackKind;
}

export function packName({ sha256, session8, kind }: PackName): string {
  return `${PACKS_PREFIX}${sha256.slice(0, 2)}/${sha256}.${session8}.${kind === Kinds.data ? 'd' : 'm'}`;
}

export function parsePackName(name: string): PackName | undefined {
  const match = /^packs\/([0-9a-f]{2})\/([0-9a-f]{64})\.([0-9a-f]{8})\.([dm])$/.exec(name);
  if (!match?.[2] || !match[3] || match[1] !== match[2].slice(0, 2)) return undefined;
  return { sha256: match[2], session8: match[3], kind: match[4] === 'd' ? Kinds.data : Kinds.metadata };
}

export function segmentName(level: number, sha256: string): string {
  return `${INDEX_PREFIX}${level}/${sha256}`;
}

export function parseSegmentName(name: string): { level: number; sha256: string } | undefined {
  const match = /^index\/([0-9])\/([0-9a-f]{64})$/.exec(name);
  return match?.[1] && match[2] ? { level: Number(match[1]), sha256: match[2] } : undefined;
}

/** What a restore point's name says; retention works on this alone. */
export interface PointName {
  mailboxKey: string;
  /** Milliseconds since 1970; assigned by the scheduler. */
  time: number;
  kind: PointKind;
  pointId: string;
  /** Rises when a later version of the same point replaces this one (age retention, repair). */
  generation: number;
  session8: string;
}

export function pointName(point: PointName): string {
  const utc = new Date(point.time).toISOString().replaceAll(/[-:.]/g, '');
  return `${POINTS_PREFIX}${point.mailboxKey}/${utc}.${point.kind}.${point.pointId}.${point.generation}.${point.session8}`;
}

const POINT =
  /^points\/([0-9a-f]{32})\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.(full|checkpoint)\.([0-9a-f]{16,32})\.(\d{1,9})\.([0-9a-f]{8})$/;

export function parsePointName(name: string): PointName | undefined {
  const match = POINT.exec(name);
  if (!match) return undefined;
  const [, mailboxKey = '', y, mo, d, h, mi, s, ms, kind, pointId = '', generation, session8 = ''] = match;
  const time = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}.${ms}Z`);
  if (Number.isNaN(time)) return undefined;
  return {
    mailboxKey,
    time,
    kind: kind === 'full' ? 'full' : 'checkpoint',
    pointId,
    generation: Number(generation),
    session8,
  };
}
