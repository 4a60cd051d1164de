import type { SyncCursors } from './syncState.ts';

/** A restore point or checkpoint as far as planning needs it. */
export interface KnownPoint {
  name: string;
  pointId: string;
  kind: 'full' | 'checkpoint';
  /** ms since epoch */
  time: number;
  runId: string;
  root: string;
  cursors: SyncCursors | undefined;
}

export type SyncPlan =
  /** Nothing is there yet: read everything. */
  | { kind: 'initial' }
  /** Ask for changes since the base. */
  | { kind: 'delta'; base: KnownPoint }
  /** An earlier attempt left a checkpoint: go on from it. */
  | { kind: 'resume'; base: KnownPoint; parent: KnownPoint | undefined }
  /** List everything and compare with the base; only what differs is fetched. */
  | { kind: 'reconcile'; base: KnownPoint; why: 'no-cursors' | 'due' }
  /** This run's restore point is there already (a crash after the commit): only the records are missing. */
  | { kind: 'finished'; point: KnownPoint };

export interface PlanInput {
  /** The restore point that this run has made of this mailbox already. */
  own: KnownPoint | undefined;
  /** The newest complete restore point. */
  full: KnownPoint | undefined;
  /** The newest checkpoint. */
  checkpoint: KnownPoint | undefined;
  now: number;
  /** Full listings are made this often although the cursors work: changes alone lose items in known cases. */
  reconcileAfterMs: number;
}

/** Decides where a mailbox backup starts. */
export function planSync({ own, full, checkpoint, now, reconcileAfterMs }: PlanInput): SyncPlan {
  if (own !== undefined) return { kind: 'finished', point: own };
  if (checkpoint?.cursors !== undefined && leadsBeyond(checkpoint, full)) {
    return { kind: 'resume', base: checkpoint, parent: full };
  }
  if (full === undefined) return { kind: 'initial' };
  if (full.cursors === undefined) return { kind: 'reconcile', base: full, why: 'no-cursors' };
  if (now - full.cursors.reconciledAt >= reconcileAfterMs) {
    return { kind: 'reconcile', base: full, why: 'due' };
  }
  return { kind: 'delta', base: full };
}

/** A checkpoint of the run that the complete point belongs to is older than it, whatever its time says. */
function leadsBeyond(checkpoint: KnownPoint, full: KnownPoint | undefined): boolean {
  if (full === undefined) return true;
  return checkpoint.runId !== full.runId && checkpoint.time > full.time;
}
