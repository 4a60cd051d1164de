import type { Gap } from '@holdfast/contracts';
import { classOf } from '@holdfast/contracts';
import type { PointReader, TreeCounts } from '../ports.ts';
import type { HeadFence } from './headFence.ts';
import type { KnownPoint } from './planSync.ts';

/** What is known of a mailbox before it is read. */
export interface Base {
  /** The restore point that this run has made already. */
  own: KnownPoint | undefined;
  full: KnownPoint | undefined;
  checkpoint: KnownPoint | undefined;
  /** Open gaps of the point that the work goes on from; by point id. */
  gapsOf: (pointId: string) => Gap[];
  countsOf: (pointId: string) => TreeCounts | undefined;
}

/**
 * From the head when it is settled and the restore point it names is there; else from the names in the repository,
 * which know the truth after a crash or a loss of the control data.
 */
export async function loadBase(fence: HeadFence, points: PointReader, pointId: string): Promise<Base> {
  const base = (await fromHead(fence, points)) ?? (await fromRepository(points, pointId));
  return base.full?.pointId === pointId ? { ...base, own: base.full } : base;
}

async function fromHead({ head, state }: HeadFence, points: PointReader): Promise<Base | undefined> {
  if (head?.pointName === undefined || head.pointId === undefined || head.pointTime === undefined) {
    return undefined;
  }
  if (state.claim !== undefined) return undefined;
  const { pointName: name, pointId } = head;
  const { root, cursors, counts, gaps } = state;
  const complete = root !== undefined && cursors !== undefined && counts !== undefined && gaps !== undefined;
  if (!complete || state.pointId !== pointId) return fromNamedPoint(name, points);
  if (!(await points.has(name))) return undefined;
  const time = Date.parse(head.pointTime);
  return {
    own: undefined,
    full: { name, pointId, kind: 'full', time, runId: '', root, cursors },
    checkpoint: undefined,
    gapsOf: () => gaps,
    countsOf: () => counts,
  };
}

async function fromNamedPoint(name: string, points: PointReader): Promise<Base | undefined> {
  try {
    const full = await points.read(name);
    return {
      own: undefined,
      full,
      checkpoint: undefined,
      gapsOf: () => full.gaps,
      countsOf: () => full.counts,
    };
  } catch (error) {
    if (classOf(error) === 'vanished') return undefined;
    throw error;
  }
}

async function fromRepository(points: PointReader, pointId: string): Promise<Base> {
  const { full, checkpoint, own } = await points.newest(pointId);
  const known = [full, checkpoint].flatMap((point) => (point === undefined ? [] : [point]));
  const byId = new Map(known.map((point) => [point.pointId, point]));
  return {
    own,
    full,
    checkpoint,
    gapsOf: (id) => byId.get(id)?.gaps ?? [],
    countsOf: (id) => byId.get(id)?.counts,
  };
}
