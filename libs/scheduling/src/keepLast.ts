/** What retention must know of a restore point; its name in the repository carries all of it. */
export interface RetentionPoint {
  pointId: string;
  kind: 'full' | 'checkpoint';
  /** Time that the scheduler gave the point, ms since epoch. */
  timeMs: number;
}

/** What becomes of one restore point, and why. */
export interface RetentionDecision<P extends RetentionPoint> {
  point: P;
  keep: boolean;
  reason: string;
  /**
   * Until when the point is the state of its mailbox (ms since epoch): the time of the next complete point. An
   * unchanged mailbox writes no point, so the newest complete one is valid until now: undefined. Checkpoints
   * are never the state of a mailbox and have none.
   */
  validUntilMs?: number;
}

export interface KeepLastOptions<P extends RetentionPoint> {
  /** Points that must not go now, such as those under a running restore, with the reason. */
  heldBecause?: (point: P) => string | undefined;
}

/**
 * Chooses among the restore points of one mailbox: the newest `keepLast` complete ones stay. Checkpoints are
 * never counted; one goes as soon as a complete point is as new as it is. The newest complete point always
 * stays. The answer has each point once, newest first.
 *
 * @throws RangeError when `keepLast` is not a whole number of at least 1.
 */
export function selectKeepLast<P extends RetentionPoint>(
  points: readonly P[],
  keepLast: number,
  options: KeepLastOptions<P> = {},
): RetentionDecision<P>[] {
  if (!Number.isInteger(keepLast) || keepLast < 1) {
    throw new RangeError(`keepLast must be a whole number of at least 1, not ${keepLast}`);
  }
  const newestFirst = [...points].sort((a, b) => b.timeMs - a.timeMs || compare(b.pointId, a.pointId));
  const newestFullMs = newestFirst.find((point) => point.kind === 'full')?.timeMs;
  let counted = 0;
  let nextFullMs: number | undefined;
  return newestFirst.map((point) => {
    if (point.kind === 'checkpoint') return released(decideCheckpoint(point, newestFullMs), options);
    counted += 1;
    const decision = decideFull(point, counted, keepLast);
    if (nextFullMs !== undefined) decision.validUntilMs = nextFullMs;
    nextFullMs = point.timeMs;
    return released(decision, options);
  });
}

function decideFull<P extends RetentionPoint>(
  point: P,
  rank: number,
  keepLast: number,
): RetentionDecision<P> {
  if (rank === 1) return { point, keep: true, reason: 'newest complete restore point' };
  return rank <= keepLast
    ? { point, keep: true, reason: `number ${rank} of the newest ${keepLast}` }
    : { point, keep: false, reason: `older than the newest ${keepLast}` };
}

function decideCheckpoint<P extends RetentionPoint>(
  point: P,
  newestFullMs: number | undefined,
): RetentionDecision<P> {
  return newestFullMs !== undefined && newestFullMs >= point.timeMs
    ? { point, keep: false, reason: 'checkpoint, replaced by a complete restore point' }
    : { point, keep: true, reason: 'checkpoint of a backup that is not complete yet' };
}

function released<P extends RetentionPoint>(
  decision: RetentionDecision<P>,
  options: KeepLastOptions<P>,
): RetentionDecision<P> {
  if (decision.keep) return decision;
  const held = options.heldBecause?.(decision.point);
  return held === undefined ? decision : { ...decision, keep: true, reason: held };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
