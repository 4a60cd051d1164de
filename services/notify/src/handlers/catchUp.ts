import { type OnEndedDeps, onRestoreEnded, onRunEnded } from './onEnded.ts';

/** As long as workers go on without the control plane, and a day more. */
export const lookBackMs = 3 * 24 * 60 * 60 * 1000;

/**
 * Finds what ended without its event having come here, for a broker can lose events, and notes it. `known` are the
 * ids that were seen before, so that repeating this costs one listing.
 */
export async function catchUp(deps: OnEndedDeps, known: Set<string>): Promise<void> {
  const since = new Date(deps.now() - lookBackMs).toISOString();
  const seen = new Set<string>();
  for await (const run of deps.source.endedRunsSince(since)) {
    seen.add(run.id);
    if (!known.has(run.id)) await onRunEnded(deps, run.id);
  }
  for await (const session of deps.source.endedSessionsSince(since)) {
    seen.add(session.id);
    if (!known.has(session.id)) await onRestoreEnded(deps, session.id);
  }
  known.clear();
  for (const id of seen) known.add(id);
}
